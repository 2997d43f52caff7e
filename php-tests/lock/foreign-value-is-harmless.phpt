--TEST--
whatever stands in the lock key, the warning stays one short line of text
--INI--
rustredis.lock_wait=0
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

foreach (["a\nb\r\n|1", "\0\xff\xfe|x", str_repeat('A', 100000), '<script>alert(1)</script>|1', '|', '', 'o:', 't:', '%s%n|%d'] as $i => $value) {
    $id = new_id();
    redis()->set(lock_key($id), $value, 'PX', 60000);
    $got = warnings_of(function () use ($id, &$result) {
        $result = start($id);
    });
    ok("value $i", $result === false && count($got) === 2 && strlen($got[0]) < 1000 && preg_match('/^[^\p{C}]*$/Du', $got[0]) === 1, $got);
}
--EXPECT--
ok: value 0
ok: value 1
ok: value 2
ok: value 3
ok: value 4
ok: value 5
ok: value 6
ok: value 7
ok: value 8
