--TEST--
a user error handler that throws inside our warning: no crash, the exception arrives, the next session works
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
set_error_handler(function (int $level, string $message) {
    throw new ErrorException($message);
});
redis()->set(lock_key($id), foreign_token(), 'PX', 60000);
ini_set('rustredis.lock_wait', '0');
try {
    start($id);
    echo "no exception\n";
} catch (ErrorException $exception) {
    ok('at the start: the first warning', preg_match('/^(session_start|SessionHandler::read)\(\): rustredis: /', $exception->getMessage()) === 1, $exception->getMessage());
}
same('there is no session', PHP_SESSION_NONE, session_status());
redis()->del(lock_key($id));

start($id);
redis()->set(lock_key($id), foreign_token(), 'PX', 60000);
$_SESSION['n'] = 1;
try {
    session_write_close();
    echo "no exception\n";
} catch (ErrorException $exception) {
    ok('at the write: the first warning', preg_match('/^(session_write_close|SessionHandler::write)\(\): rustredis: /', $exception->getMessage()) === 1, $exception->getMessage());
}
redis()->del(lock_key($id));
same('the next session works', true, start($id));
$_SESSION['n'] = 2;
session_write_close();
same('and is stored', 'n|i:2;', redis()->get(data_key($id)));
same('the lock is gone', false, is_locked($id));
--EXPECT--
ok: at the start: the first warning
ok: there is no session
ok: at the write: the first warning
ok: the next session works
ok: and is stored
ok: the lock is gone
