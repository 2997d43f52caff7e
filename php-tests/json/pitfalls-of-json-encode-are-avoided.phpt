--TEST--
json: what goes wrong where sessions are put through json_encode() and json_decode() by hand does not go wrong here
--INI--
session.serialize_handler=json
--FILE--
<?php
require __DIR__ . '/../support/support.inc';
require __DIR__ . '/exact.inc';

/** By hand, as frameworks do it: array in, array out. */
function by_hand(mixed $value): mixed
{
    $text = json_encode(['v' => $value], 0, 512);
    return $text === false ? false : json_decode($text, true)['v'];
}

function row(string $what, mixed $value, mixed $by_hand): void
{
    same("$what, by hand", exact($by_hand), exact(by_hand($value)));
    identical($what, ['v' => $value], decoded(encoded(['v' => $value])));
}

row('1.0', 1.0, 1);
row('integers over 2^53', [9007199254740993, PHP_INT_MAX], [9007199254740993, PHP_INT_MAX]);
row('an empty array', [], []);
same('an empty session, by hand', '[]', json_encode([]));
same('an empty session', '{}', encoded([]));
row('a list with a gap', [0 => 'a', 2 => 'c'], [0 => 'a', 2 => 'c']);
same('the session as a list, by hand', '["a"]', json_encode(['a']));
same('the session as a list', '{"0":"a"}', encoded(['a']));
row('an order that JavaScript does not keep', [2 => 'c', 0 => 'a'], [2 => 'c', 0 => 'a']);
same('the order, by hand', '{"2":"c","0":"a"}', json_encode([2 => 'c', 0 => 'a']));
same('the order', '{"$map":[[2,"c"],[0,"a"]]}', encoded([2 => 'c', 0 => 'a']));
row('bytes', "\xff", false);
row('NAN', [NAN], false);
row('INF', INF, false);
$private = new class {
    public int $seen = 1;
    private int $lost = 2;
};
same('an object, by hand', '{"seen":1}', json_encode($private));
$got = warnings_of(fn () => same('an object', false, encoded(['v' => $private])));
check_warnings('is refused by path', $got, [['not saved', preg_quote("\$_SESSION['v'] is an object of class class@anonymous")]]);
$shared = [1];
row('references', ['x' => &$shared, 'y' => &$shared], ['x' => [1], 'y' => [1]]);
$deep = array_reduce(range(1, 513), fn ($v) => [$v], 1);
same('513 levels, by hand', false, by_hand($deep));
$got = warnings_of(fn () => same('513 levels', false, encoded(['v' => $deep])));
check_warnings('are refused by path', $got, [['not saved', '\[0\]\[0\]', '512 levels']]);
session_abort();
--EXPECT--
ok: 1.0, by hand
ok: 1.0
ok: integers over 2^53, by hand
ok: integers over 2^53
ok: an empty array, by hand
ok: an empty array
ok: an empty session, by hand
ok: an empty session
ok: a list with a gap, by hand
ok: a list with a gap
ok: the session as a list, by hand
ok: the session as a list
ok: an order that JavaScript does not keep, by hand
ok: an order that JavaScript does not keep
ok: the order, by hand
ok: the order
ok: bytes, by hand
ok: bytes
ok: NAN, by hand
ok: NAN
ok: INF, by hand
ok: INF
ok: an object, by hand
ok: an object
ok: is refused by path
ok: references, by hand
ok: references
ok: 513 levels, by hand
ok: 513 levels
ok: are refused by path
