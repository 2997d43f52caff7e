--TEST--
json: null, booleans, integers, strings, lists and maps are what any reader expects, and come back the same
--INI--
session.serialize_handler=json
--FILE--
<?php
require __DIR__ . '/../support/support.inc';
require __DIR__ . '/exact.inc';

both_ways('null', null, '{"v":null}');
both_ways('booleans', [true, false], '{"v":[true,false]}');
both_ways('integers', [0, -1, PHP_INT_MAX, PHP_INT_MIN], '{"v":[0,-1,9223372036854775807,-9223372036854775808]}');
both_ways('text', "Zoë </a/b> \u{2028} \"\\\n\0", "{\"v\":\"Zoë </a/b> \u{2028} \\\"\\\\\\n\\u0000\"}");
both_ways('list', ['a', ['b']], '{"v":["a",["b"]]}');
both_ways('map', ['b' => 1, 'a' => ['x' => null]], '{"v":{"b":1,"a":{"x":null}}}');
--EXPECT--
ok: null
ok: null, and back
ok: booleans
ok: booleans, and back
ok: integers
ok: integers, and back
ok: text
ok: text, and back
ok: list
ok: list, and back
ok: map
ok: map, and back
