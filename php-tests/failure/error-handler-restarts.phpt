--TEST--
a user error handler that aborts and starts other sessions inside our warning
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
$other = new_id();
start($id);
redis()->set(lock_key($id), foreign_token(), 'PX', 60000);
$_SESSION['n'] = 2;
$busy = false;
set_error_handler(function () use (&$busy, $other) {
    if (!$busy) {
        $busy = true;
        session_abort();
        start($other);
        $_SESSION = ['m' => 1];
        session_write_close();
        $busy = false;
    }
    return true;
});
session_write_close();
restore_error_handler();
same('the other session is stored', 'm|i:1;', redis()->get(data_key($other)));
same('its lock is gone', false, is_locked($other));
redis()->del(lock_key($id));
same('the next session works', true, start($id));
session_abort();
--EXPECT--
ok: the other session is stored
ok: its lock is gone
ok: the next session works
