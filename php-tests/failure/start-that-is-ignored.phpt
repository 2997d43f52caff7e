--TEST--
a session_start() that PHP ignores because a session is active: an exception out of its notice leaves the session as it is
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
redis()->set(data_key($id), 'n|i:1;');
start($id);
set_error_handler(fn (int $level, string $message) => throw new ErrorException($message));
try {
    session_start();
} catch (ErrorException $error) {
    ok('it is told', str_contains($error->getMessage(), 'already active'), $error->getMessage());
}
restore_error_handler();
$_SESSION['n']++;
same('it is saved', [true, 'n|i:2;'], [session_write_close(), redis()->get(data_key($id))]);
--EXPECT--
ok: it is told
ok: it is saved
