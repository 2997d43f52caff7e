--TEST--
settings changed between two sessions count for the second
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
start($id);
same('locking on', true, is_locked($id));
session_write_close();
ini_set('rustredis.locking', '0');
start($id);
same('locking off', false, is_locked($id));
session_write_close();
ini_set('rustredis.locking', '1');
start($id);
same('on again', true, is_locked($id));
session_write_close();
ini_restore('rustredis.locking');
--EXPECT--
ok: locking on
ok: locking off
ok: on again
