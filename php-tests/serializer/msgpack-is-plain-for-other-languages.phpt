--TEST--
serializer msgpack: with msgpack.php_only=0 what is stored is plain MessagePack; by default it holds PHP's own markers
--EXTENSIONS--
msgpack
--INI--
session.serialize_handler=msgpack
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class Item
{
    public int $n = 1;
}

$id = new_id();
$stored = function (array $values) use ($id) {
    start($id);
    $_SESSION = $values;
    session_write_close();
    return bin2hex(redis()->get(data_key($id)));
};
$plain = ['n' => 1, 'list' => [1, 2], 'map' => ['x' => true]];
// {"n": 1, "list": [1, 2], "map": {"x": true}}
$clean = '83a16e01a46c697374920102a36d617081a178c3';
ini_set('msgpack.php_only', '0');
same('php_only=0: plain data', $clean, $stored($plain));
start($id);
same('comes back', $plain, $_SESSION);
session_write_close();
same('php_only=0: an object is a list of its values', '81a16f9101', $stored(['o' => new Item()]));
start($id);
same('and comes back as an array', ['o' => [1]], $_SESSION);
session_write_close();
ini_set('msgpack.php_only', '1');
ok('php_only=1: an object is a map with a key that is null', str_contains($stored(['o' => new Item()]), 'c0a44974656d'), bin2hex(redis()->get(data_key($id))));
start($id);
ok('and comes back', $_SESSION['o'] == new Item());
--EXPECT--
ok: php_only=0: plain data
ok: comes back
ok: php_only=0: an object is a list of its values
ok: and comes back as an array
ok: php_only=1: an object is a map with a key that is null
ok: and comes back
