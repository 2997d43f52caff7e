--TEST--
a session whose values are all removed is stored empty
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
start($id);
session_unset();
session_write_close();
same('the key is empty', '', redis()->get(data_key($id)));
start($id);
same('it reads back empty', [], $_SESSION);
--EXPECT--
ok: the key is empty
ok: it reads back empty
