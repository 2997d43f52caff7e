--TEST--
with every serializer a large session is stored as a standard frame, smaller than it is, and read back the same
--EXTENSIONS--
igbinary
msgpack
--FILE--
<?php
require __DIR__ . '/../support/support.inc';
require __DIR__ . '/frames.inc';

$values = ['n' => 1, 'rows' => array_map(fn (int $i) => ['name' => "Zoë $i", 'price' => $i / 8, 'bytes' => "\0\xff"], range(0, 199))];
foreach (['php', 'php_serialize', 'php_binary', 'igbinary', 'msgpack', 'json'] as $serializer) {
    ini_set('session.serialize_handler', $serializer);
    ini_set('rustredis.compression', 'none');
    $plain = write_session(new_id(), $values);
    foreach (['zstd', 'lz4'] as $format) {
        ini_set('rustredis.compression', $format);
        $stored = write_session($id = new_id(), $values);
        same("$serializer, $format", [$format, true], [format_of($stored), strlen($stored) < strlen($plain)]);
        same('is read the same', $values, read_session($id));
        ini_set('rustredis.compression', 'none');
        same('whatever the setting is then', $values, read_session($id));
        same('and stored plain again when it changes', 'plain', format_of(write_session($id, ['n' => 2] + $values)));
    }
}
--EXPECT--
ok: php, zstd
ok: is read the same
ok: whatever the setting is then
ok: and stored plain again when it changes
ok: php, lz4
ok: is read the same
ok: whatever the setting is then
ok: and stored plain again when it changes
ok: php_serialize, zstd
ok: is read the same
ok: whatever the setting is then
ok: and stored plain again when it changes
ok: php_serialize, lz4
ok: is read the same
ok: whatever the setting is then
ok: and stored plain again when it changes
ok: php_binary, zstd
ok: is read the same
ok: whatever the setting is then
ok: and stored plain again when it changes
ok: php_binary, lz4
ok: is read the same
ok: whatever the setting is then
ok: and stored plain again when it changes
ok: igbinary, zstd
ok: is read the same
ok: whatever the setting is then
ok: and stored plain again when it changes
ok: igbinary, lz4
ok: is read the same
ok: whatever the setting is then
ok: and stored plain again when it changes
ok: msgpack, zstd
ok: is read the same
ok: whatever the setting is then
ok: and stored plain again when it changes
ok: msgpack, lz4
ok: is read the same
ok: whatever the setting is then
ok: and stored plain again when it changes
ok: json, zstd
ok: is read the same
ok: whatever the setting is then
ok: and stored plain again when it changes
ok: json, lz4
ok: is read the same
ok: whatever the setting is then
ok: and stored plain again when it changes
