--TEST--
an unchanged session whose lock was lost leaves the newer data alone
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
start($id);
redis()->set(lock_key($id), $thief = foreign_token(), 'PX', 30000);
redis()->set(data_key($id), 'n|i:100;', 'EX', 1000);
@session_write_close();
same('the newer data stays', 'n|i:100;', redis()->get(data_key($id)));
same('the lock of the other too', $thief, redis()->get(lock_key($id)));
--EXPECT--
ok: the newer data stays
ok: the lock of the other too
