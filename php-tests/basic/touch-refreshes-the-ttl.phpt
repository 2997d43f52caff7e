--TEST--
an unchanged session lives for another session.gc_maxlifetime
--INI--
session.gc_maxlifetime=500
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1], 60);
start($id);
redis()->expire(data_key($id), 30);
session_write_close();
$ttl = redis()->ttl(data_key($id));
ok('the TTL is fresh', $ttl > 480 && $ttl <= 500, $ttl);
same('the value is unchanged', 'n|i:1;', redis()->get(data_key($id)));
--EXPECT--
ok: the TTL is fresh
ok: the value is unchanged
