--TEST--
serializer php_serialize, which keeps integer keys
--INI--
session.serialize_handler=php_serialize
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$values = ['int' => 1, 7 => 'seven', 'a|b' => 'pipe', 'list' => [1, [2, null]]];
$id = new_id();
start($id);
$_SESSION = $values;
session_write_close();
same('the stored value', serialize($values), redis()->get(data_key($id)));
$_SESSION = [];
start($id);
same('it comes back', $values, $_SESSION);
$_SESSION = [];
session_write_close();
same('an empty session', 'a:0:{}', redis()->get(data_key($id)));
start($id);
same('comes back', [], $_SESSION);
--EXPECT--
ok: the stored value
ok: it comes back
ok: an empty session
ok: comes back
