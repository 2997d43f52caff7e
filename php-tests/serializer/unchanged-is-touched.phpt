--TEST--
with every serializer an unchanged session is touched, not written
--EXTENSIONS--
igbinary
msgpack
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

foreach (['php', 'php_serialize', 'php_binary', 'igbinary', 'msgpack'] as $serializer) {
    ini_set('session.serialize_handler', $serializer);
    $id = new_id();
    start($id);
    $_SESSION = ['n' => 1, 'list' => [1, 2, 3]];
    session_write_close();
    start($id);
    redis()->append(data_key($id), 'mark');
    session_write_close();
    same($serializer, 'mark', substr(redis()->get(data_key($id)), -4));
}
--EXPECT--
ok: php
ok: php_serialize
ok: php_binary
ok: igbinary
ok: msgpack
