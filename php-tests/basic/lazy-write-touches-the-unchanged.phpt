--TEST--
lazy_write: an unchanged session is touched, not written
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1], 100);
start($id);
redis()->set(data_key($id), 'n|i:7;', 'EX', 50);
$_SESSION['n'] = 1;
session_write_close();
same('the value in Redis is left alone', 'n|i:7;', redis()->get(data_key($id)));
ok('its TTL is fresh', redis()->ttl(data_key($id)) > 1400, redis()->ttl(data_key($id)));
same('the lock is gone', false, is_locked($id));
--EXPECT--
ok: the value in Redis is left alone
ok: its TTL is fresh
ok: the lock is gone
