--TEST--
a timeout, or a client that leaves, while a session is encoded: PHP encodes it again at the end of the request, and what is stored is whole, or stays as it was
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$code = '
    class Slow
    {
        public static string $end = "";
        public $n = 1;
        function __sleep()
        {
            [$end, self::$end] = [self::$end, ""];
            if ($end === "timeout") {
                set_time_limit(1);
                while (true);
            }
            if ($end === "client") {
                fclose(STDOUT);
                while (true) {
                    echo "more";
                }
            }
            return ["n"];
        }
    }
    session_id($argv[1]);
    session_start();
    if ($argv[2] === "make") {
        $_SESSION = ["login" => "ada", "slow" => new Slow, "list" => [new Slow, new Slow], "last" => 1];
        exit("made");
    }
    if ($argv[2] === "read") {
        exit(json_encode($_SESSION));
    }
    $_SESSION["changed"] = 1;
    Slow::$end = $argv[2];
    $argv[3] === "session_commit" ? session_commit() : $argv[3]($_SESSION);
    fwrite(STDERR, "not reached");';
$cases = [['php', 'timeout'], ['php', 'client'], ['json', 'timeout'], ['json', 'client'], ['igbinary', 'client'],
    ['msgpack', 'timeout'], ['msgpack', 'client'], ['msgpack', 'client', 'msgpack_serialize']];
foreach ($cases as $case) {
    [$name, $end, $call] = [...$case, 'session_commit'];
    if (in_array($name, ['igbinary', 'msgpack'], true) && !extension_loaded($name)) {
        continue;
    }
    $ini = ['session.serialize_handler' => $name, 'rustredis.json_objects' => 'serialize', 'session.use_cookies' => 0,
        'session.cache_limiter' => '', 'display_errors' => 1];
    $id = new_id();
    Child::plain($code, [$id, 'make'], $ini)->output();
    $said = Child::plain($code, [$id, $end, $call], $ini)->output();
    $has_ended = $said === '' || str_contains($said, 'Maximum execution time');
    $locked = is_locked($id);
    $now = Child::plain($code, [$id, 'read'], $ini)->output();
    ok("$name, $end, $call", !$locked && $has_ended
        && str_contains($now, '"login":"ada","slow":{"n":1},"list":[{"n":1},{"n":1}],"last":1'), "$said\n$now");
}
--EXPECTREGEX--
(ok: [^\n]*\n?){4,}
