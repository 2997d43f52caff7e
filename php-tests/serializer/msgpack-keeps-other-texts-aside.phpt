--TEST--
a session that another serializer has stored is kept aside from msgpack, which would take it for an empty one
--EXTENSIONS--
msgpack
igbinary
--INI--
session.serialize_handler=msgpack
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

foreach (['php', 'php_serialize', 'php_binary', 'igbinary', 'json'] as $serializer) {
    $id = new_id();
    ini_set('session.serialize_handler', $serializer);
    start($id);
    $_SESSION = ['keep' => $id];
    session_write_close();
    $stored = redis()->get(data_key($id));
    ini_set('session.serialize_handler', 'msgpack');
    warnings_of(function () use ($id): void {
        start($id);
        $_SESSION['more'] = 1;
        session_write_close();
    });
    $aside = array_filter(redis()->keys(PREFIX . 'ASIDE:*'), fn ($key) => redis()->get($key) === $stored);
    same($serializer, [1, false], [count($aside), redis()->get(data_key($id)) === $stored]);
}
// The same values as another language may store them: a map of each size, an empty list.
foreach (['82a161 01a162 02', 'de0002a161 01a162 02', 'df00000002a161 01a162 02', '90', 'dc0000'] as $hex) {
    $id = new_id();
    redis()->set(data_key($id), hex2bin(str_replace(' ', '', $hex)), 'EX', 1000);
    start($id);
    same($hex, strlen($hex) > 6 ? ['a' => 1, 'b' => 2] : [], $_SESSION);
    session_abort();
}
--EXPECT--
ok: php
ok: php_serialize
ok: php_binary
ok: igbinary
ok: json
ok: 82a161 01a162 02
ok: de0002a161 01a162 02
ok: df00000002a161 01a162 02
ok: 90
ok: dc0000
