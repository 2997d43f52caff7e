--TEST--
rustredis.compression_level is zstd's: a higher one packs tighter, 0 is zstd's own default, lz4 has one only
--FILE--
<?php
require __DIR__ . '/../support/support.inc';
require __DIR__ . '/frames.inc';

mt_srand(1);
$rows = [];
for ($i = 0; $i < 3000; $i++) {
    $rows[] = ['name' => 'name' . mt_rand(0, 999), 'price' => mt_rand(0, 99999) / 100];
}
$size = function (string $format, int $level) use ($rows) {
    ini_set('rustredis.compression', $format);
    ini_set('rustredis.compression_level', $level);
    $stored = write_session($id = new_id(), ['rows' => $rows]);
    same("$format, $level", [['rows' => $rows], $format], [read_session($id), format_of($stored)]);
    return strlen($stored);
};
$sizes = array_map(fn ($level) => $size('zstd', $level), [0, 1, 3, 22]);
ok('0 is 3', $sizes[0] === $sizes[2], $sizes);
ok('22 packs tighter than 1', $sizes[3] < $sizes[1], $sizes);
same('lz4 knows no levels', $size('lz4', 0), $size('lz4', 9));
--EXPECT--
ok: zstd, 0
ok: zstd, 1
ok: zstd, 3
ok: zstd, 22
ok: 0 is 3
ok: 22 packs tighter than 1
ok: lz4, 0
ok: lz4, 9
ok: lz4 knows no levels
