--TEST--
what is smaller than rustredis.compression_min_size, or does not get smaller, is stored as it is
--INI--
rustredis.compression=zstd
--FILE--
<?php
require __DIR__ . '/../support/support.inc';
require __DIR__ . '/frames.inc';

foreach (['zstd', 'lz4'] as $format) {
    ini_set('rustredis.compression', $format);
    ini_set('rustredis.compression_min_size', '1K');
    // x|s:1015:"...";  makes 1024 bytes of text.
    $text = fn (int $size) => ['x' => str_repeat('y', $size - strlen('x|s:1000:"";'))];
    same("$format: 1023 bytes", 'plain', format_of(write_session(new_id(), $text(1023))));
    same("$format: 1024 bytes", $format, format_of(write_session(new_id(), $text(1024))));
    ini_set('rustredis.compression_min_size', '0');
    same("$format: the shortest session", 'n|i:1;', write_session(new_id(), ['n' => 1]));
    same("$format: an empty one", '', write_session(new_id(), []));
    $noise = random_bytes(100000);
    same("$format: noise", 'x|s:100000:"' . $noise . '";', write_session($id = new_id(), ['x' => $noise]));
    same("$format: noise is read", ['x' => $noise], read_session($id));
}
--EXPECT--
ok: zstd: 1023 bytes
ok: zstd: 1024 bytes
ok: zstd: the shortest session
ok: zstd: an empty one
ok: zstd: noise
ok: zstd: noise is read
ok: lz4: 1023 bytes
ok: lz4: 1024 bytes
ok: lz4: the shortest session
ok: lz4: an empty one
ok: lz4: noise
ok: lz4: noise is read
