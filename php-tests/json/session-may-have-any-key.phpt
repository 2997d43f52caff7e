--TEST--
json: $_SESSION itself may have integer keys, any name, and no member at all
--INI--
session.serialize_handler=json
--FILE--
<?php
require __DIR__ . '/../support/support.inc';
require __DIR__ . '/exact.inc';

$sessions = [
    'empty' => [[], '{}'],
    'a list' => [['a', 'b'], '{"0":"a","1":"b"}'],
    'integer keys' => [[7 => 'a', 40 => 'b', 'x' => 'c'], '{"7":"a","40":"b","x":"c"}'],
    'in another order' => [['x' => 'c', 7 => 'a'], '{"$map":[["x","c"],[7,"a"]]}'],
    'a pipe, which the php format cannot have' => [['a|b' => 1], '{"a|b":1}'],
    'a key that is no UTF-8' => [["\xff" => 1], '{"$map":[[{"$bytes":"/w=="},1]]}'],
];
foreach ($sessions as $what => [$session, $json]) {
    $id = new_id();
    start($id);
    $_SESSION = $session;
    session_write_close();
    same($what, $json, redis()->get(data_key($id)));
    $_SESSION = ['before' => 1];
    start($id);
    identical("$what, and back", $session, $_SESSION);
    $_SESSION = $session;
    redis()->append(data_key($id), ' ');
    session_write_close();
    same("$what: unchanged is not written", "$json ", redis()->get(data_key($id)));
}
--EXPECT--
ok: empty
ok: empty, and back
ok: empty: unchanged is not written
ok: a list
ok: a list, and back
ok: a list: unchanged is not written
ok: integer keys
ok: integer keys, and back
ok: integer keys: unchanged is not written
ok: in another order
ok: in another order, and back
ok: in another order: unchanged is not written
ok: a pipe, which the php format cannot have
ok: a pipe, which the php format cannot have, and back
ok: a pipe, which the php format cannot have: unchanged is not written
ok: a key that is no UTF-8
ok: a key that is no UTF-8, and back
ok: a key that is no UTF-8: unchanged is not written
