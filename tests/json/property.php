<?php
/*
 * Random values through session_encode(), a reader in another language that writes them anew, and
 * session_decode(). The values must come back the same to the bit, in the same order.
 *
 *     php property.php SEED COUNT NUMBERS READER...
 *
 * NUMBERS: 1 = any, 0 = only numbers that JavaScript writes back as it read them. The reader is a
 * command that answers each line with a line.
 */
require __DIR__ . '/../../php-tests/json/exact.inc';

function any_of(array $values): mixed
{
    return $values[array_rand($values)];
}

function a_random_text(): string
{
    $letters = any_of([
        [...str_split('abc xyz$"\\/\'{}[]:,|0123456789')], ['ä', '漢', '😀', "\u{2028}", "\u{301}", "\u{feff}", "\u{ffff}", 'e'],
        array_map('chr', range(0, 127)), array_map('chr', range(0, 255)), ["\xed\xa0\x80", "\xc3", "\xf4\x90\x80\x80", 'a'],
        ['0', '1', '-', '5', '.', '+', ' '],
    ]);
    $text = '';
    for ($length = any_of([0, 1, 2, 3, 8, 40]); $length > 0; $length--) {
        $text .= any_of($letters);
    }
    return $text;
}

function a_random_int(bool $any): int
{
    if (!$any) {
        return mt_rand(-1000, 1000);
    }
    return any_of([0, 1, -1, PHP_INT_MAX, PHP_INT_MIN, 1 << 53, (1 << 53) + 1, -(1 << 53) - 1, 0xffffffff, 0xfffffffe])
        ^ (mt_rand(0, 1) ? 0 : mt_rand());
}

function a_random_float(): float
{
    return match (mt_rand(0, 3)) {
        0 => any_of([0.0, -0.0, 1.0, 0.1, 1e15, 1e16, 1e17, 1e21, 1e22, 1e300, 5e-324, 2.2250738585072011e-308, PHP_FLOAT_MAX,
            PHP_FLOAT_MIN, PHP_FLOAT_EPSILON, 9007199254740993.0, 1e-5, 1e-7]),
        1 => unpack('E', pack('NN', mt_rand(0, 0xffffffff), mt_rand(0, 0xffffffff)))[1],
        2 => round(mt_rand() / mt_getrandmax() * 10 ** mt_rand(0, 9), mt_rand(0, 4)),
        3 => (float) mt_rand(),
    };
}

function a_random_key(int $kind, int $i, bool $any): int|string
{
    return match ($kind) {
        0 => $i,
        1 => mt_rand(-4, 12),
        2 => any_of(['id', 'name', '$bytes', '$map', '$float', '$object', '$', '', '0', '-0', '08', '-5', 'v']),
        3 => a_random_text(),
        4 => any_of([mt_rand(0, 20), a_random_text(), $i]),
        5 => any_of([0xfffffffe, 0xffffffff, 0x100000000, -1, 0, 5] + ($any ? [6 => PHP_INT_MAX, 7 => PHP_INT_MIN] : [])),
        6 => 3 * $i + mt_rand(0, 2),
    };
}

/** An array that looks like a tag, or nearly. */
function tag_like(bool $any): array
{
    $inside = any_of(['AA==', '/w', 'NAN', 'INF', 'x', 1, null, [], [['a', 1]], [[1, 2]], [['a', 1], 5], [[[], 1]],
        'O:8:"stdClass":0:{}', ['$bytes' => '/w==']]);
    $tag = [any_of(['$bytes', '$float', '$map', '$object', '$x', '$']) => $inside];
    return mt_rand(0, 3) ? $tag : $tag + ['x' => a_random_value(1, $any)];
}

function a_random_value(int $depth, bool $any): mixed
{
    switch (mt_rand(0, $depth > 0 ? 9 : 5)) {
        case 0:
            return any_of([null, true, false, '', [], NAN, INF, -INF]);
        case 1:
            return a_random_int($any);
        case 2:
            return $any ? a_random_float() : a_random_int($any);
        case 3:
        case 4:
        case 5:
            return a_random_text();
        case 6:
            return tag_like($any);
        default:
            return a_random_array($depth - 1, $any);
    }
}

function a_random_array(int $depth, bool $any): array
{
    $kind = mt_rand(0, 6);
    $array = [];
    for ($i = 0, $n = any_of([0, 1, 1, 2, 3, 7, 20]); $i < $n; $i++) {
        $array[a_random_key($kind, $i, $any)] = a_random_value($depth, $any);
    }
    return $array;
}

[, $seed, $count, $any] = $argv;
mt_srand((int) $seed);
$reader = proc_open(array_slice($argv, 4), [['pipe', 'r'], ['pipe', 'w'], ['file', 'php://stderr', 'w']], $pipes);
session_start();
for ($i = 0; $i < $count; $i++) {
    $value = a_random_array(mt_rand(1, 5), (bool) $any);
    $_SESSION = $value;
    $text = session_encode();
    if ($text === false || str_contains($text, "\n")) {
        exit("seed $seed, value $i: not encoded: " . var_export($value, true));
    }
    fwrite($pipes[0], "$text\n");
    $again = fgets($pipes[1]);
    if ($again === false) {
        exit("seed $seed, value $i: the reader refuses $text");
    }
    $again = substr($again, 0, -1);
    if (!$any && $again !== $text) {
        exit("seed $seed, value $i: $text\nwas written as: $again");
    }
    foreach ([$text, $again] as $read) {
        $_SESSION = ['before' => 1];
        if (!session_decode($read) || exact($_SESSION) !== exact($value)) {
            exit("seed $seed, value $i: " . var_export($value, true) . "\nbecame " . var_export($_SESSION, true) . "\nby $read");
        }
    }
}
fclose($pipes[0]);
echo "$count values, seed $seed\n";
