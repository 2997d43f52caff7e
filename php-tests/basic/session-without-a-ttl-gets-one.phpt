--TEST--
a session that was stored without expiry gets one
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
redis()->set(data_key($id), 'n|i:1;');
start($id);
session_write_close();
ok('it has a TTL now', redis()->ttl(data_key($id)) > 1400);
--EXPECT--
ok: it has a TTL now
