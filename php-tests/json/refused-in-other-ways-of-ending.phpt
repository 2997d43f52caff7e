--TEST--
json: refused at the end of the script, by session_reset(), session_regenerate_id() and after session_abort(): nothing is lost
--INI--
session.serialize_handler=json
--FILE--
<?php
require __DIR__ . '/../support/support.inc';
require __DIR__ . '/exact.inc';

$id = new_id();
$stored = fn () => redis()->get(data_key($id));
redis()->set(data_key($id), '{"n":1}', 'EX', 500);
$child = Child::run('session_id($argv[1]); session_start(); $_SESSION["n"] = 2; $_SESSION["o"] = new stdClass;', [$id], ['session.serialize_handler' => 'json']);
ok('the end of a script', str_contains($child->output(), "\$_SESSION['o'] is an object of class stdClass"));
same('stored', '{"n":1}', $stored());
same('the lock is gone', false, is_locked($id));

start($id);
$_SESSION['o'] = new stdClass();
same('reset', true, session_reset());
same('is what was stored', ['n' => 1], $_SESSION);
$_SESSION['o'] = new stdClass();
session_abort();
same('abort', '{"n":1}', $stored());

foreach ([1, 0] as $lazy) {
    start($id, ['lazy_write' => $lazy]);
    $_SESSION['o'] = new stdClass();
    $got = warnings_of(fn () => session_regenerate_id());
    ok("regenerate with lazy_write=$lazy: a warning", str_contains(implode($got), "\$_SESSION['o'] is an object"), $got);
    same('the old session', '{"n":1}', $stored());
    if (session_status() === PHP_SESSION_ACTIVE) {
        unset($_SESSION['o']);
        $_SESSION['n'] = 5;
        $new = session_id();
        session_write_close();
        ok('the new one', in_array(redis()->get(data_key($new)), ['{"n":5}'], true), redis()->get(data_key($new)));
    } else {
        echo "ok: the new one\n";
    }
}
--EXPECT--
ok: the end of a script
ok: stored
ok: the lock is gone
ok: reset
ok: is what was stored
ok: abort
ok: regenerate with lazy_write=1: a warning
ok: the old session
ok: the new one
ok: regenerate with lazy_write=0: a warning
ok: the old session
ok: the new one
