--TEST--
json: floats come back to the bit, whatever the precision settings say; what JSON cannot write is tagged
--INI--
session.serialize_handler=json
--FILE--
<?php
require __DIR__ . '/../support/support.inc';
require __DIR__ . '/exact.inc';

both_ways('whole', 1.0, '{"v":1.0}');
both_ways('minus zero', -0.0, '{"v":-0.0}');
both_ways('shortest', 0.1 + 0.2, '{"v":0.30000000000000004}');
both_ways('large', 1e300, '{"v":1e+300}');
both_ways('smallest', 5e-324, '{"v":5e-324}');
both_ways('not finite', [NAN, INF, -INF], '{"v":[{"$float":"NAN"},{"$float":"INF"},{"$float":"-INF"}]}');
ini_set('precision', 3);
ini_set('serialize_precision', 3);
both_ways('with three digits set', M_PI, '{"v":3.141592653589793}');
setlocale(LC_ALL, 'de_DE.UTF-8', 'C');
both_ways('in any locale', 1.5, '{"v":1.5}');
mt_srand(7);
$bad = 0;
for ($i = 0; $i < 20000; $i++) {
    $f = unpack('E', pack('NN', mt_rand(0, 0xffffffff), mt_rand(0, 0xffffffff)))[1];
    $bad += exact(decoded(encoded(['v' => $f]))) !== exact(['v' => $f]);
}
same('20000 random ones that differ', 0, $bad);
--EXPECT--
ok: whole
ok: whole, and back
ok: minus zero
ok: minus zero, and back
ok: shortest
ok: shortest, and back
ok: large
ok: large, and back
ok: smallest
ok: smallest, and back
ok: not finite
ok: not finite, and back
ok: with three digits set
ok: with three digits set, and back
ok: in any locale
ok: in any locale, and back
ok: 20000 random ones that differ
