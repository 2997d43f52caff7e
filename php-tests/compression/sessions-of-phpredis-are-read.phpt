--TEST--
sessions that phpredis compressed are read, with every compression and serializer, and the next write is ours
--SKIPIF--
<?php
require __DIR__ . '/phpredis.inc';
$why = why_no_phpredis_that_compresses();
echo $why === null ? '' : "skip $why";
--FILE--
<?php
require __DIR__ . '/../support/support.inc';
require __DIR__ . '/frames.inc';
require __DIR__ . '/phpredis.inc';

$code = '
    foreach (["small" => 0, "large" => 200] as $size => $count) {
        session_id("$argv[1]$size");
        session_start();
        $_SESSION = ["n" => 1] + ($count ? ["rows" => array_map(fn (int $i) => ["name" => "Zoë $i", "half" => $i / 2], range(1, $count))] : []);
        session_write_close();
    }
    session_id("$argv[1]empty");
    session_start();';
$large = ['n' => 1, 'rows' => array_map(fn (int $i) => ['name' => "Zoë $i", 'half' => $i / 2], range(1, 200))];
foreach (['none', 'zstd', 'lz4', 'lzf'] as $compression) {
    foreach (['php', 'php_serialize', 'php_binary', 'igbinary', 'msgpack', 'json'] as $serializer) {
        ini_set('session.serialize_handler', $serializer);
        $id = new_id();
        $child = Child::plain($code, [$id], ['session.serialize_handler' => $serializer] + phpredis($compression));
        same('phpredis says nothing', '', $child->output());
        $found = array_map(fn ($size) => read_session("$id$size"), ['small', 'large', 'empty']);
        same("$compression, $serializer", [['n' => 1], $large, []], $found);
        same('stored plain', 'plain', format_of(write_session("{$id}large", ['n' => 2] + $large)));
    }
}
--EXPECT--
ok: phpredis says nothing
ok: none, php
ok: stored plain
ok: phpredis says nothing
ok: none, php_serialize
ok: stored plain
ok: phpredis says nothing
ok: none, php_binary
ok: stored plain
ok: phpredis says nothing
ok: none, igbinary
ok: stored plain
ok: phpredis says nothing
ok: none, msgpack
ok: stored plain
ok: phpredis says nothing
ok: none, json
ok: stored plain
ok: phpredis says nothing
ok: zstd, php
ok: stored plain
ok: phpredis says nothing
ok: zstd, php_serialize
ok: stored plain
ok: phpredis says nothing
ok: zstd, php_binary
ok: stored plain
ok: phpredis says nothing
ok: zstd, igbinary
ok: stored plain
ok: phpredis says nothing
ok: zstd, msgpack
ok: stored plain
ok: phpredis says nothing
ok: zstd, json
ok: stored plain
ok: phpredis says nothing
ok: lz4, php
ok: stored plain
ok: phpredis says nothing
ok: lz4, php_serialize
ok: stored plain
ok: phpredis says nothing
ok: lz4, php_binary
ok: stored plain
ok: phpredis says nothing
ok: lz4, igbinary
ok: stored plain
ok: phpredis says nothing
ok: lz4, msgpack
ok: stored plain
ok: phpredis says nothing
ok: lz4, json
ok: stored plain
ok: phpredis says nothing
ok: lzf, php
ok: stored plain
ok: phpredis says nothing
ok: lzf, php_serialize
ok: stored plain
ok: phpredis says nothing
ok: lzf, php_binary
ok: stored plain
ok: phpredis says nothing
ok: lzf, igbinary
ok: stored plain
ok: phpredis says nothing
ok: lzf, msgpack
ok: stored plain
ok: phpredis says nothing
ok: lzf, json
ok: stored plain
