--TEST--
serializer php_binary
--INI--
session.serialize_handler=php_binary
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$values = ['int' => 1, 'a|b' => 'pipe', 'bytes' => "\0\xff", 'list' => [1, [2, null]]];
$id = new_id();
start($id);
$_SESSION = $values;
session_write_close();
same('the stored value starts with a length', "\x03int" . 'i:1;', substr(redis()->get(data_key($id)), 0, 8));
$_SESSION = [];
start($id);
same('it comes back', $values, $_SESSION);
$_SESSION = [];
session_write_close();
same('an empty session is the empty string', '', redis()->get(data_key($id)));
start($id);
same('and comes back', [], $_SESSION);
--EXPECT--
ok: the stored value starts with a length
ok: it comes back
ok: an empty session is the empty string
ok: and comes back
