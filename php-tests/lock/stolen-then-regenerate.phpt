--TEST--
session_regenerate_id(true) after the lock was lost does not crash
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
start($id);
redis()->set(lock_key($id), foreign_token(), 'PX', 30000);
@session_regenerate_id(true);
$new = session_id();
@session_write_close();
same('no lock of ours is left', false, $new !== '' && $new !== $id && is_locked($new));
echo "alive\n";
--EXPECT--
ok: no lock of ours is left
alive
