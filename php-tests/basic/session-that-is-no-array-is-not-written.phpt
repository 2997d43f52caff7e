--TEST--
$_SESSION replaced by something else: nothing is written, the lock is released
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
start($id);
$_SESSION = 'text';
session_write_close();
same('the stored value is the old one', 'n|i:1;', redis()->get(data_key($id)));
same('the lock is gone', false, is_locked($id));
--EXPECT--
ok: the stored value is the old one
ok: the lock is gone
