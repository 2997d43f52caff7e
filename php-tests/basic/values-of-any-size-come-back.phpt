--TEST--
values of 0 bytes, 1 byte, 100 KB and 8 MiB come back as they were
--INI--
memory_limit=256M
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

foreach (['0 bytes' => 0, '1 byte' => 1, '100 KB' => 100 * 1024, '8 MiB' => 8 << 20] as $name => $size) {
    $id = new_id();
    $value = $size ? str_pad('', $size, "abc\0\xff\r\n") : '';
    start($id);
    $_SESSION['v'] = $value;
    session_write_close();
    $_SESSION = [];
    start($id);
    ok($name, $_SESSION === ['v' => $value]);
    session_write_close();
    ok("$name once more, untouched", redis()->strlen(data_key($id)) === strlen('v|' . serialize($value)));
    redis()->del(data_key($id));
}
--EXPECT--
ok: 0 bytes
ok: 0 bytes once more, untouched
ok: 1 byte
ok: 1 byte once more, untouched
ok: 100 KB
ok: 100 KB once more, untouched
ok: 8 MiB
ok: 8 MiB once more, untouched
