--TEST--
session_reset() after locking was turned off keeps the lock until the session ends, and then frees it
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
start($id);
ini_set('rustredis.locking', '0');
same('reset', true, session_reset());
same('it is still locked', true, is_locked($id));
$_SESSION['n'] = 2;
session_write_close();
same('it is saved', 'n|i:2;', redis()->get(data_key($id)));
same('it is free', false, is_locked($id));

start($id);
same('the next session has no lock', false, is_locked($id));
ini_set('rustredis.locking', '1');
session_reset();
same('until locking is on', true, is_locked($id));
session_abort();
same('and it is free', false, is_locked($id));
--EXPECT--
ok: reset
ok: it is still locked
ok: it is saved
ok: it is free
ok: the next session has no lock
ok: until locking is on
ok: and it is free
