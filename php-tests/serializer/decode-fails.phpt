--TEST--
a stored value that cannot be decoded: PHP's own warnings, a released lock and no crash
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
redis()->set(data_key($id), 'n|not-serialized', 'EX', 100);
$got = warnings_of(fn () => start($id));
check_warnings('PHP tells it', $got, ['Failed to decode session object']);
same('the session is empty', [], $_SESSION);
same('the lock is gone', false, is_locked($id));
same('the same id can be used again', true, start($id));
$_SESSION['n'] = 1;
session_write_close();
same('and is stored', 'n|i:1;', redis()->get(data_key($id)));
--EXPECT--
ok: PHP tells it
ok: the session is empty
ok: the lock is gone
ok: the same id can be used again
ok: and is stored
