--TEST--
serializer msgpack
--EXTENSIONS--
msgpack
--INI--
session.serialize_handler=msgpack
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$values = ['int' => 1, 'bytes' => "\0\xff", 'list' => [1, [2, null]], 'map' => ['x' => 1.5]];
$id = new_id();
start($id);
$_SESSION = $values;
session_write_close();
same('the stored value', $values, msgpack_unpack(redis()->get(data_key($id))));
$_SESSION = [];
start($id);
same('it comes back', $values, $_SESSION);
$_SESSION = [];
session_write_close();
same('an empty session', '90', bin2hex(redis()->get(data_key($id))));
start($id);
same('comes back', [], $_SESSION);
--EXPECT--
ok: the stored value
ok: it comes back
ok: an empty session
ok: comes back
