--TEST--
lock_failure=readonly: a free lock is taken as usual
--INI--
rustredis.lock_wait=0
rustredis.lock_failure=readonly
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
start($id);
same('the lock is held', true, is_locked($id));
$_SESSION['n'] = 1;
session_write_close();
same('the session is stored', 'n|i:1;', redis()->get(data_key($id)));
--EXPECT--
ok: the lock is held
ok: the session is stored
