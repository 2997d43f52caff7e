--TEST--
a user error handler that calls session_write_close() inside our warning: no crash, no second write
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
start($id);
redis()->set(lock_key($id), $thief = foreign_token(), 'PX', 60000);
$_SESSION['n'] = 2;
// What a handler raises itself goes to PHP's own display.
ini_set('display_errors', '0');
$calls = 0;
set_error_handler(function () use (&$calls) {
    if ($calls++ < 10) {
        session_write_close();
    }
    return true;
});
session_write_close();
restore_error_handler();
ok('it was called, not for ever', $calls > 0 && $calls <= 10, $calls);
same('the stored value stays', 'n|i:1;', redis()->get(data_key($id)));
same('the lock of the other too', $thief, redis()->get(lock_key($id)));
redis()->del(lock_key($id));
same('the next session works', true, start($id));
$_SESSION['n'] = 3;
session_write_close();
same('and is stored', 'n|i:3;', redis()->get(data_key($id)));
--EXPECT--
ok: it was called, not for ever
ok: the stored value stays
ok: the lock of the other too
ok: the next session works
ok: and is stored
