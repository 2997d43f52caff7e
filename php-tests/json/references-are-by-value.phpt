--TEST--
json: references are written by value, and are still references for the rest of the request
--INI--
session.serialize_handler=json
--FILE--
<?php
require __DIR__ . '/../support/support.inc';
require __DIR__ . '/exact.inc';

$id = new_id();
start($id);
$shared = [1];
$_SESSION['a'] = &$shared;
$_SESSION['b'] = &$shared;
$_SESSION['deep']['c'] = &$shared[0];
session_write_close();
same('each place has its value', '{"a":[1],"b":[1],"deep":{"c":1}}', redis()->get(data_key($id)));
$shared[0] = 2;
same('the references live on', 2, $_SESSION['b'][0]);
start($id);
$_SESSION['a'][0] = 3;
same('after the next start they are values', [1], $_SESSION['b']);
--EXPECT--
ok: each place has its value
ok: the references live on
ok: after the next start they are values
