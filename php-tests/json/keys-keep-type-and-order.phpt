--TEST--
json: array keys keep their type and their order; $map only where an object would not do
--INI--
session.serialize_handler=json
--FILE--
<?php
require __DIR__ . '/../support/support.inc';
require __DIR__ . '/exact.inc';

both_ways('a gap', [0 => 'a', 2 => 'c'], '{"v":{"0":"a","2":"c"}}');
both_ways('not in order', [2 => 'c', 0 => 'a'], '{"v":{"$map":[[2,"c"],[0,"a"]]}}');
both_ways('integers, then names', [3 => 'a', 'x' => 'b'], '{"v":{"3":"a","x":"b"}}');
both_ways('names, then integers', ['x' => 'b', 3 => 'a'], '{"v":{"$map":[["x","b"],[3,"a"]]}}');
both_ways('negative', [-5 => 'a', -3 => 'b'], '{"v":{"-5":"a","-3":"b"}}');
both_ways('2^32 - 2', [4294967294 => 'a'], '{"v":{"4294967294":"a"}}');
both_ways('2^32 - 1', [4294967295 => 'a'], '{"v":{"$map":[[4294967295,"a"]]}}');
both_ways('nearly integers', ['08' => 1, '-0' => 2, '1.5' => 3], '{"v":{"08":1,"-0":2,"1.5":3}}');
both_ways('empty', ['' => 1], '{"v":{"":1}}');
$list = [1, 2, 3];
unset($list[2]);
$list[] = 4;
both_ways('a list with a hole', $list, '{"v":{"0":1,"1":2,"3":4}}');
unset($list[3]);
both_ways('a list whose end is gone', $list, '{"v":[1,2]}');
--EXPECT--
ok: a gap
ok: a gap, and back
ok: not in order
ok: not in order, and back
ok: integers, then names
ok: integers, then names, and back
ok: names, then integers
ok: names, then integers, and back
ok: negative
ok: negative, and back
ok: 2^32 - 2
ok: 2^32 - 2, and back
ok: 2^32 - 1
ok: 2^32 - 1, and back
ok: nearly integers
ok: nearly integers, and back
ok: empty
ok: empty, and back
ok: a list with a hole
ok: a list with a hole, and back
ok: a list whose end is gone
ok: a list whose end is gone, and back
