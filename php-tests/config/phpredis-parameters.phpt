--TEST--
each parameter of phpredis' save_path is taken; those that mean nothing here are named in one notice per process
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

// Two sessions, the second with another path: a process has one notice, whatever comes later.
$code = '
    set_error_handler(function (int $level, string $message) {
        say(array_search($level, ["warning" => E_WARNING, "notice" => E_NOTICE]) . " $message");
        return true;
    });
    foreach ([$argv[2], $argv[2], $argv[2] . "&retry_interval=7", $argv[2]] as $path) {
        ini_set("session.save_path", $path);
        start($argv[1]);
        $_SESSION["n"] = ($_SESSION["n"] ?? 0) + 1;
        session_write_close();
    }
    say((string) $_SESSION["n"]);';
$run = function (string $query) use ($code): string {
    $id = new_id();
    return Child::run($code, [$id, 'tcp://127.0.0.1:' . getenv('RUSTREDIS_PORT') . "?$query"])->output();
};
foreach (['weight=2', 'timeout=2.5', 'timeout=0', 'timeout=86400', 'read_timeout=2.5', 'read_timeout=0', 'persistent=1', 'prefix=PHPREDIS_SESSION%3A',
    'database=0', 'auth='] as $query) {
    $output = $run($query);
    // The one notice is that of the third path.
    same($query, [1, '4'], [preg_match_all('/^notice .*rustredis: retry_interval in session\.save_path has no effect/m', $output), substr($output, -1)]);
    same('nothing else', 1, substr_count($output, "\n"));
}
foreach (['persistent=0' => 'persistent=0', 'persistent_id=web' => 'persistent_id', 'retry_interval=100' => 'retry_interval',
    'weight=1&timeout=1&persistent=0&persistent_id=web&retry_interval=100' => 'persistent=0, persistent_id, retry_interval'] as $query => $named) {
    $output = $run($query);
    $named = preg_quote($named);
    same($query, [1, '4'], [preg_match_all("/^notice .*rustredis: $named in session\.save_path has no effect/m", $output), substr($output, -1)]);
    same('nothing else', 1, substr_count($output, "\n"));
}
--EXPECT--
ok: weight=2
ok: nothing else
ok: timeout=2.5
ok: nothing else
ok: timeout=0
ok: nothing else
ok: timeout=86400
ok: nothing else
ok: read_timeout=2.5
ok: nothing else
ok: read_timeout=0
ok: nothing else
ok: persistent=1
ok: nothing else
ok: prefix=PHPREDIS_SESSION%3A
ok: nothing else
ok: database=0
ok: nothing else
ok: auth=
ok: nothing else
ok: persistent=0
ok: nothing else
ok: persistent_id=web
ok: nothing else
ok: retry_interval=100
ok: nothing else
ok: weight=1&timeout=1&persistent=0&persistent_id=web&retry_interval=100
ok: nothing else
