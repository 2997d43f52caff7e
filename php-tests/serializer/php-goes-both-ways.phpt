--TEST--
serializer php
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$values = ['int' => 1, 'float' => 1.5, 'text' => "a|b", 'list' => [1, [2, null]], 'map' => ['x' => true]];
$id = new_id();
start($id);
$_SESSION = $values;
session_write_close();
same('the stored value', 'int|i:1;float|d:1.5;text|s:3:"a|b";list|a:2:{i:0;i:1;i:1;a:2:{i:0;i:2;i:1;N;}}map|a:1:{s:1:"x";b:1;}', redis()->get(data_key($id)));
$_SESSION = [];
start($id);
same('it comes back', $values, $_SESSION);
$_SESSION = [];
session_write_close();
same('an empty session is the empty string', '', redis()->get(data_key($id)));
start($id);
same('and comes back', [], $_SESSION);
--EXPECT--
ok: the stored value
ok: it comes back
ok: an empty session is the empty string
ok: and comes back
