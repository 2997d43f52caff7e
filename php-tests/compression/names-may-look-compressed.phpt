--TEST--
a session whose text begins as a frame does comes back as it was: php and php_binary may begin with any bytes
--FILE--
<?php
require __DIR__ . '/../support/support.inc';
require __DIR__ . '/frames.inc';

$names = [
    'zstd frame' => ['php', ZSTD . 'name'],
    'lz4 frame' => ['php', LZ4 . 'name'],
    'lzf of phpredis' => ['php', "\x06ab"], // and seven bytes: ab|i:1;
    // The format puts the length of the name in front.
    'zstd frame of php_binary' => ['php_binary', str_pad(substr(ZSTD, 1), 0x28, 'x')],
    'lz4 frame of php_binary' => ['php_binary', str_pad(substr(LZ4, 1), 0x04, 'x')],
];
foreach ($names as $what => [$serializer, $name]) {
    ini_set('session.serialize_handler', $serializer);
    foreach (['none', 'zstd', 'lz4'] as $format) {
        ini_set('rustredis.compression', $format);
        $values = [$name => 1];
        $stored = write_session($id = new_id(), $values);
        same("$what, $format", [$values, true], [read_session($id), in_array(format_of($stored), ['zstd', 'lz4'], true)]);
        start($id);
        $_SESSION[$name] = 2;
        session_write_close();
        same('changed', [$name => 2], read_session($id));
    }
}
--EXPECT--
ok: zstd frame, none
ok: changed
ok: zstd frame, zstd
ok: changed
ok: zstd frame, lz4
ok: changed
ok: lz4 frame, none
ok: changed
ok: lz4 frame, zstd
ok: changed
ok: lz4 frame, lz4
ok: changed
ok: lzf of phpredis, none
ok: changed
ok: lzf of phpredis, zstd
ok: changed
ok: lzf of phpredis, lz4
ok: changed
ok: zstd frame of php_binary, none
ok: changed
ok: zstd frame of php_binary, zstd
ok: changed
ok: zstd frame of php_binary, lz4
ok: changed
ok: lz4 frame of php_binary, none
ok: changed
ok: lz4 frame of php_binary, zstd
ok: changed
ok: lz4 frame of php_binary, lz4
ok: changed
