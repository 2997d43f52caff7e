--TEST--
serializer igbinary
--EXTENSIONS--
igbinary
--INI--
session.serialize_handler=igbinary
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$values = ['int' => 1, 'bytes' => "\0\xff", 'list' => [1, [2, null]], 'object' => new ArrayObject([1, 2])];
$id = new_id();
start($id);
$_SESSION = $values;
session_write_close();
same('the stored value', bin2hex(igbinary_serialize($values)), bin2hex(redis()->get(data_key($id))));
$_SESSION = [];
start($id);
same('it comes back', true, $_SESSION == $values);
$_SESSION = [];
session_write_close();
same('an empty session', '000000021400', bin2hex(redis()->get(data_key($id))));
start($id);
same('comes back', [], $_SESSION);
--EXPECT--
ok: the stored value
ok: it comes back
ok: an empty session
ok: comes back
