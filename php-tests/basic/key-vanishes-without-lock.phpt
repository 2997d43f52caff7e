--TEST--
the key vanishes while the session is open, without locking
--INI--
rustredis.locking=0
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
start($id);
redis()->del(data_key($id));
session_write_close();
same('the session is back', 'n|i:1;', redis()->get(data_key($id)));
--EXPECT--
ok: the session is back
