--TEST--
session_reset() reads again under the lock that it has
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
start($id);
$token = redis()->get(lock_key($id));
$_SESSION['n'] = 99;
$time = seconds(function () {
    same('it works', true, session_reset());
});
ok('without waiting for its own lock', $time < 5, $time);
same('the stored values are back', ['n' => 1], $_SESSION);
ok('the lock is still held', is_locked($id));
$_SESSION['n'] = 2;
session_write_close();
same('the next write succeeds', 'n|i:2;', redis()->get(data_key($id)));
same('and releases the lock', false, is_locked($id));
--EXPECT--
ok: it works
ok: without waiting for its own lock
ok: the stored values are back
ok: the lock is still held
ok: the next write succeeds
ok: and releases the lock
