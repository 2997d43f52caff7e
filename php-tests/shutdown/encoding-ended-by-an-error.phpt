--TEST--
a timeout while a session is encoded: PHP encodes it again at the end of the request, and what is stored is whole, or stays as it was
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$code = '
    class Slow
    {
        public static bool $now = false;
        public $n = 1;
        function __sleep() { if (self::$now) { self::$now = false; set_time_limit(1); while (true); } return ["n"]; }
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
    Slow::$now = true;
    $argv[2]();
    echo "not reached";';
foreach (array_filter(['php', 'json', 'msgpack'], fn ($name) => $name !== 'msgpack' || extension_loaded($name)) as $serializer) {
    $ini = ['session.serialize_handler' => $serializer, 'rustredis.json_objects' => 'serialize', 'session.use_cookies' => 0,
        'session.cache_limiter' => '', 'display_errors' => 1];
    $id = new_id();
    Child::run($code, [$id, 'make'], $ini)->output();
    $said = Child::run($code, [$id, 'session_write_close'], $ini)->output();
    $locked = is_locked($id);
    $now = Child::run($code, [$id, 'read'], $ini)->output();
    ok($serializer, !$locked && !str_contains($said, 'not reached')
        && str_contains($now, '"login":"ada","slow":{"n":1},"list":[{"n":1},{"n":1}],"last":1'), "$said\n$now");
}
--EXPECTREGEX--
(ok: [^\n]*\n?)+
