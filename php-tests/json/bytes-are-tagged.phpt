--TEST--
json: a string that is not UTF-8 is tagged as base64, as a value and as a key
--INI--
session.serialize_handler=json
--FILE--
<?php
require __DIR__ . '/../support/support.inc';
require __DIR__ . '/exact.inc';

both_ways('a value', "\xff\xfe\x00", '{"v":{"$bytes":"//4A"}}');
both_ways('cut UTF-8', "a\xc3", '{"v":{"$bytes":"YcM="}}');
both_ways('a surrogate', "\xed\xa0\x80", '{"v":{"$bytes":"7aCA"}}');
both_ways('a key', ["\xff" => 1], '{"v":{"$map":[[{"$bytes":"/w=="},1]]}}');
$bad = 0;
for ($a = 0; $a < 256; $a++) {
    for ($b = 0; $b < 256; $b += 5) {
        $session = ['v' => chr($a) . chr($b), chr($b) . chr($a) => 1];
        $bad += exact(decoded(encoded($session))) !== exact($session);
    }
}
same('pairs of bytes that differ', 0, $bad);
$random = random_bytes(100_000);
identical('100 kB of random bytes', ['v' => $random], decoded(encoded(['v' => $random])));
--EXPECT--
ok: a value
ok: a value, and back
ok: cut UTF-8
ok: cut UTF-8, and back
ok: a surrogate
ok: a surrogate, and back
ok: a key
ok: a key, and back
ok: pairs of bytes that differ
ok: 100 kB of random bytes
