--TEST--
lazy_write: a changed session is written
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1], 100);
start($id);
$_SESSION['n']++;
session_write_close();
same('the new value is stored', 'n|i:2;', redis()->get(data_key($id)));
ok('with a fresh TTL', redis()->ttl(data_key($id)) > 1400);
--EXPECT--
ok: the new value is stored
ok: with a fresh TTL
