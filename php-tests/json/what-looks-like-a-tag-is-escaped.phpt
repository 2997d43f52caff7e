--TEST--
json: the user's own arrays that look like tags are arrays when they come back
--INI--
session.serialize_handler=json
--FILE--
<?php
require __DIR__ . '/../support/support.inc';
require __DIR__ . '/exact.inc';

both_ways('$bytes', ['$bytes' => 'AA=='], '{"v":{"$map":[["$bytes","AA=="]]}}');
both_ways('$float', ['$float' => 'NAN'], '{"v":{"$map":[["$float","NAN"]]}}');
both_ways('$object', ['$object' => 'O:8:"stdClass":0:{}'], '{"v":{"$map":[["$object","O:8:\"stdClass\":0:{}"]]}}');
both_ways('$map', ['$map' => [['a', 1]]], '{"v":{"$map":[["$map",[["a",1]]]]}}');
both_ways('an escaped one', ['$map' => [['$map', []]]], '{"v":{"$map":[["$map",[["$map",[]]]]]}}');
both_ways('an unknown one', ['$ref' => 1], '{"v":{"$map":[["$ref",1]]}}');
both_ways('two members', ['$bytes' => 'AA==', 'x' => 1], '{"v":{"$bytes":"AA==","x":1}}');
same('the whole session', '{"$map":[["$bytes","AA=="]]}', encoded(['$bytes' => 'AA==']));
identical('and back', ['$bytes' => 'AA=='], decoded('{"$map":[["$bytes","AA=="]]}'));
identical('tags that PHP does not know are read as arrays', ['v' => ['$decimal' => '1.10']], decoded('{"v":{"$decimal":"1.10"}}'));
identical('and so are malformed ones', ['v' => [['$bytes' => '?'], ['$float' => 'x'], ['$map' => [[1]]], ['$object' => 5]]],
    decoded('{"v":[{"$bytes":"?"},{"$float":"x"},{"$map":[[1]]},{"$object":5}]}'));
--EXPECT--
ok: $bytes
ok: $bytes, and back
ok: $float
ok: $float, and back
ok: $object
ok: $object, and back
ok: $map
ok: $map, and back
ok: an escaped one
ok: an escaped one, and back
ok: an unknown one
ok: an unknown one, and back
ok: two members
ok: two members, and back
ok: the whole session
ok: and back
ok: tags that PHP does not know are read as arrays
ok: and so are malformed ones
