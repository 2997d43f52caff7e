--TEST--
a compressed session whose text PHP cannot decode is kept aside as it was stored
--EXTENSIONS--
igbinary
--INI--
rustredis.compression=zstd
rustredis.compression_min_size=0
--FILE--
<?php
require __DIR__ . '/../support/support.inc';
require __DIR__ . '/frames.inc';

foreach (['php' => 'json', 'json' => 'igbinary', 'igbinary' => 'php'] as $before => $now) {
    ini_set('session.serialize_handler', $before);
    $stored = write_session($id = new_id(), ['text' => str_repeat('abc', 1000), 'object' => $before === 'json' ? 1 : new ArrayObject([1])]);
    ini_set('session.serialize_handler', $now);
    // Told by the start that failed, or after the one that PHP does not know to have failed.
    $got = warnings_of(fn () => start($id) && session_abort());
    preg_match('/' . PREFIX . 'ASIDE:[0-9a-f]{32}\b/', implode("\n", $got), $m);
    same("$before, read as $now", ['zstd', true], [format_of($stored), redis()->get($m[0] ?? '') === $stored]);
}
// What can be read by another serializer is, under its compression as well.
ini_set('session.serialize_handler', 'json');
$stored = write_session($id = new_id(), $values = ['text' => str_repeat('abc', 1000), 'n' => 1]);
foreach (['php', 'php_serialize', 'json'] as $now) {
    ini_set('session.serialize_handler', $now);
    same("json, read as $now", $values, read_session($id));
}
--EXPECT--
ok: php, read as json
ok: json, read as igbinary
ok: igbinary, read as php
ok: json, read as php
ok: json, read as php_serialize
ok: json, read as json
