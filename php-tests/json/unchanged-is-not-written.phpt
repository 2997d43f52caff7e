--TEST--
json: a session that is the same afterwards is touched, not written; one that was written by another language is kept in its spelling
--INI--
session.serialize_handler=json
--FILE--
<?php
require __DIR__ . '/../support/support.inc';
require __DIR__ . '/exact.inc';

$id = new_id();
start($id);
$_SESSION = ['n' => 1, 'f' => 0.1, 'm' => [3 => 'c', 1 => 'a'], 'b' => "\xff"];
session_write_close();
start($id);
$_SESSION['n']++;
$_SESSION['n']--;
redis()->append(data_key($id), ' ');
session_write_close();
same('touched', '{"n":1,"f":0.1,"m":{"$map":[[3,"c"],[1,"a"]]},"b":{"$bytes":"/w=="}} ', redis()->get(data_key($id)));
start($id, ['read_and_close' => true]);
same('read_and_close reads it', 1, $_SESSION['n']);
--EXPECT--
ok: touched
ok: read_and_close reads it
