--TEST--
lock_failure=readonly: session_destroy() still logs out
--INI--
rustredis.lock_wait=0
rustredis.lock_failure=readonly
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
redis()->set(lock_key($id), foreign_token(), 'PX', 30000);
@start($id);
same('it works', true, @session_destroy());
same('the session is gone', null, redis()->get(data_key($id)));
--EXPECT--
ok: it works
ok: the session is gone
