--TEST--
each parameter of phpredis' save_path is taken; those that mean nothing here are an advice, and nothing is raised
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$code = '
    set_error_handler(function (int $level, string $message) {
        throw new ErrorException($message);
    });
    foreach ([$argv[2], $argv[2], $argv[2] . "&retry_interval=7", $argv[2]] as $path) {
        ini_set("session.save_path", $path);
        start($argv[1]);
        $_SESSION["n"] = ($_SESSION["n"] ?? 0) + 1;
        session_write_close();
    }
    array_map(say(...), rustredis_status()["advice"]);
    say((string) $_SESSION["n"]);';
$run = function (string $query) use ($code): string {
    $id = new_id();
    return Child::run($code, [$id, 'tcp://127.0.0.1:' . getenv('RUSTREDIS_PORT') . "?$query"])->output();
};
foreach (['weight=2', 'timeout=2.5', 'timeout=0', 'timeout=86400', 'read_timeout=2.5', 'read_timeout=0', 'persistent=1', 'prefix=PHPREDIS_SESSION%3A',
    'database=0', 'auth='] as $query) {
    $output = $run($query);
    // Of the third path.
    same($query, [1, '4'], [preg_match_all('/^rustredis: retry_interval in session\.save_path has no effect/m', $output), substr($output, -1)]);
    same('nothing else', 1, substr_count($output, "\n"));
}
foreach (['persistent=0' => 'persistent=0', 'persistent_id=web' => 'persistent_id', 'retry_interval=100' => 'retry_interval',
    'weight=1&timeout=1&persistent=0&persistent_id=web&retry_interval=100' => 'persistent=0, persistent_id, retry_interval'] as $query => $named) {
    $output = $run($query);
    same($query, ["rustredis: $named in", '4'], [strstr($output, ' session.save_path', true), substr($output, -1)]);
    same('each once', substr_count($output, "\n"), count(array_unique(explode("\n", $output))) - 1);
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
ok: each once
ok: persistent_id=web
ok: each once
ok: retry_interval=100
ok: each once
ok: weight=1&timeout=1&persistent=0&persistent_id=web&retry_interval=100
ok: each once
