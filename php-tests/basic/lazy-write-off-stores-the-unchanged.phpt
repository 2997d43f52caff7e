--TEST--
lazy_write=0: an unchanged session is written all the same
--INI--
session.lazy_write=0
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1], 100);
start($id);
redis()->set(data_key($id), 'n|i:7;', 'EX', 50);
session_write_close();
same('the value of this request is in Redis', 'n|i:1;', redis()->get(data_key($id)));
ok('its TTL is fresh', redis()->ttl(data_key($id)) > 1400);
--EXPECT--
ok: the value of this request is in Redis
ok: its TTL is fresh
