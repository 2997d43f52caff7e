--TEST--
json: 512 levels of JSON, tags counted, go both ways; one more is refused when it is written, not when it is read
--INI--
session.serialize_handler=json
; It holds its session for longer than that under valgrind.
rustredis.lock_max_hold=7200
--FILE--
<?php
require __DIR__ . '/../support/support.inc';
require __DIR__ . '/exact.inc';

/** How deep a text is nested. */
function levels(string $json): int
{
    $deepest = $level = 0;
    foreach (str_split(preg_replace('/"[^"]*"/', '', $json)) as $c) {
        $level += str_contains('{[', $c) <=> str_contains('}]', $c);
        $deepest = max($deepest, $level);
    }
    return $deepest;
}

foreach (['plain' => ['a', 1], 'a list' => [0, 1], 'bytes inside' => ['a', "\xff"], 'a float inside' => ['a', NAN],
    'an empty array inside' => ['a', []], 'escaped' => ['$a', 1], 'escaped, bytes inside' => ['$a', "\xff"],
    'by $map' => ["\xff", []]] as $what => [$key, $value]) {
    $deepest = 0;
    for ($n = 1; $n < 520; $n++) {
        $value = [$key => $value];
        $text = @encoded(['v' => $value]);
        if ($text === false) {
            break;
        }
        $deepest = levels($text);
        if (exact(decoded($text)) !== exact(['v' => $value])) {
            same("$what: what was written cannot be read at", 0, $n);
            break;
        }
    }
    ok("$what: up to 512", $deepest > 509 && $deepest <= 512 && $text === false, $deepest);
}
$got = warnings_of(fn () => same('a deep one that is read', false, session_decode('{"a":' . str_repeat('[', 512) . str_repeat(']', 512) . '}')));
check_warnings('is refused', $got, [['512 levels'], 'Failed to decode']);
session_status() === PHP_SESSION_ACTIVE && session_abort();
--EXPECT--
ok: plain: up to 512
ok: a list: up to 512
ok: bytes inside: up to 512
ok: a float inside: up to 512
ok: an empty array inside: up to 512
ok: escaped: up to 512
ok: escaped, bytes inside: up to 512
ok: by $map: up to 512
ok: a deep one that is read
ok: is refused
