--TEST--
reading a session refreshes its TTL
--INI--
session.gc_maxlifetime=500
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1], 60);
start($id);
$ttl = redis()->ttl(data_key($id));
ok('session.gc_maxlifetime at once', $ttl > 480 && $ttl <= 500, $ttl);
session_abort();
--EXPECT--
ok: session.gc_maxlifetime at once
