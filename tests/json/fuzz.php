<?php
/*
 * Texts that another client may have written, through session_decode(): random bytes, mutated
 * sessions, texts made to create objects. PHP must live on, create no object
 * (rustredis.json_objects=refuse), and use a bounded memory. Values that PHP accepts must come back
 * the same from the text that PHP writes.
 *
 *     php fuzz.php SEED SECONDS docs/json-vectors.json
 */
require __DIR__ . '/../../php-tests/json/exact.inc';

/** A class whose name is in the texts. Every use of an object by PHP is noticed. */
class Gadget
{
    public static array $seen = [];
    public string $x = '';

    public function __construct() { self::$seen[] = __METHOD__; }
    public function __wakeup() { self::$seen[] = __METHOD__; }
    public function __unserialize(array $data): void { self::$seen[] = __METHOD__; }
    public function __destruct() { self::$seen[] = __METHOD__; }
    public function __toString() { self::$seen[] = __METHOD__; return ''; }
}

class Waker { public string $x = ''; public function __wakeup() { Gadget::$seen[] = __METHOD__; } }

spl_autoload_register(function (string $class) { Gadget::$seen[] = "autoload $class"; });
ini_set('unserialize_callback_func', 'callback');
function callback(string $class): void { Gadget::$seen[] = "callback $class"; }

function any_of(array $values): mixed
{
    return $values[mt_rand(0, count($values) - 1)];
}

function objects_in(mixed $value): bool
{
    return is_object($value) || (is_array($value) && array_filter($value, 'objects_in'));
}

const GADGETS = ['O:6:"Gadget":1:{s:1:"x";s:1:"y";}', 'O:5:"Waker":0:{}', 'C:11:"ArrayObject":21:{x:i:0;a:0:{};m:a:0:{}}',
    'O:7:"Unknown":0:{}', 'a:1:{i:0;O:6:"Gadget":0:{}}', 'O:8:"stdClass":1:{s:1:"a";O:5:"Waker":0:{}}', 'E:8:"Suit:Red";', 'i:1;',
    'O:+6:"Gadget":0:{}', 'O:12:"SplTempFile":0:{}'];

function gadget_text(): string
{
    $inner = any_of(GADGETS);
    if (mt_rand(0, 3) === 0) {
        // PHP's own formats, which are read after a switch of the serializer.
        return any_of(["v|$inner", "a:1:{s:1:\"v\";$inner}", "n|i:1;v|a:2:{i:0;$inner}i:1;R:1;}", "v|a:1:{i:0;$inner}w|R:2;"]);
    }
    $text = any_of([json_encode($inner), json_encode(['$bytes' => base64_encode($inner)]),
        str_replace('"', '\u0022', json_encode($inner)), json_encode(['$object' => $inner]), "[$inner]"]);
    $name = any_of(['"$object"', '"\u0024object"', '"$Object"', '"$object\u0000"', '"__PHP_Incomplete_Class_Name"', '"$class"']);
    $tag = any_of(["{{$name}:$text}", "{{$name}:$text,\"x\":1}", "{{$name}:$text,$name:$text}",
        "{\"\$map\":[[$name,$text]]}", "{\"\$map\":[[{{$name}:$text},1]]}"]);
    return any_of([$tag, "{\"v\":$tag}", "{\"v\":[$tag,$tag]}", "{\"a|$inner\":1}", "{\"\$map\":[[\"v\",$tag]]}"]);
}

function mutated(array $corpus): string
{
    $words = ['{', '}', '[', ']', ':', ',', '"', '\\', '$map', '{"$map":[[', ']]}', '{"$bytes":"', '"$float":"INF"', '{"$object":"',
        'null', 'true', '1e308', '-0', '18446744073709551616', '\u0000', '\ud83d', "\xff", "\0", ' ', '|', 'O:6:"Gadget":0:{}'];
    $text = any_of($corpus);
    for ($n = mt_rand(1, 6); $n > 0; $n--) {
        $at = mt_rand(0, strlen($text));
        $length = min(strlen($text) - $at, any_of([0, 1, 2, 9, 60]));
        $text = match (mt_rand(0, 4)) {
            0 => substr_replace($text, chr(mt_rand(0, 255)), $at, min(1, $length)),
            1 => substr_replace($text, '', $at, $length),
            2 => substr_replace($text, any_of($words), $at, 0),
            3 => substr_replace($text, str_repeat(substr($text, $at, $length), mt_rand(1, 8)), $at, 0),
            4 => substr_replace($text, substr($other = any_of($corpus), mt_rand(0, strlen($other)), mt_rand(0, 40)), $at, $length),
        };
    }
    return substr($text, 0, 20_000);
}

/** The CPU time of this process, without that of others on a busy machine. */
function cpu_seconds(): float
{
    $usage = getrusage();
    return $usage['ru_utime.tv_sec'] + $usage['ru_stime.tv_sec'] + ($usage['ru_utime.tv_usec'] + $usage['ru_stime.tv_usec']) / 1e6;
}

function rss(): int
{
    preg_match('/VmHWM:\s+(\d+) kB/', file_get_contents('/proc/self/status'), $m);
    return (int) $m[1] * 1024;
}

/** Ends the process with the text to try again. */
function fail(string $what, string $text): never
{
    global $seed;
    exit("seed $seed: $what, by (base64) " . base64_encode($text));
}

/**
 * PHP's own format can name a variable "6", which PHP code cannot reach. JSON turns it into
 * $_SESSION[6].
 */
function reachable(array $session): array
{
    $variables = [];
    foreach ($session as $name => $value) {
        $variables[$name] = $value;
    }
    return $variables;
}

function feed(string $text): bool
{
    if (session_status() !== PHP_SESSION_ACTIVE) {
        session_id(bin2hex(random_bytes(8)));
        session_start();
    }
    $_SESSION = [];
    $accepted = @session_decode($text);
    if (!$accepted) {
        $_SESSION = [];
    }
    if (Gadget::$seen || objects_in($_SESSION)) {
        fail('an object: ' . implode(', ', Gadget::$seen), $text);
    }
    if ($accepted) {
        $value = $_SESSION;
        $again = session_encode();
        if ($again === false || !@session_decode($again) || !in_array(exact($_SESSION), [exact($value), exact(reachable($value))], true)) {
            fail("it is written as $again, which is another value", $text);
        }
    }
    return $accepted;
}

[, $seed, $seconds, $vectors] = $argv;
mt_srand((int) $seed);
$corpus = array_column(json_decode(file_get_contents($vectors), true, 1024), 'json');
$own = 'user|s:3:"ada";n|i:3;list|a:2:{i:0;d:1.5;i:1;N;}';
array_push($corpus, $own, serialize(['user' => 'ada', 'n' => [1, 2.5, true, null]]));
ini_set('session.gc_probability', 0);
$classes = get_declared_classes();

// Long texts, each of which could cost far more than its length.
feed('{}');
$most = 0;
foreach (['[' => '{"v":[%s', '{"a":' => '{"v":%s', '[],' => '{"v":[%s0]}', '{"$map":[[1,' => '{"v":%s', '"a",' => '{"v":[%s0]}', '1,' => '{"v":[%s0]}',
    '{"$bytes":"' => '{"v":%s', '\u00e9' => '{"v":"%s"}', ' ' => '{%s}', '[1,1],' => '{"$map":[%s[2,2]]}', '1' => '{"v":%s}'] as $piece => $frame) {
    $text = sprintf($frame, str_repeat($piece, intdiv(4 << 20, strlen($piece))));
    $start = cpu_seconds();
    feed($text);
    $took = cpu_seconds() - $start;
    if ($took > 10) {
        fail("it took $took s", substr($text, 0, 100));
    }
    $most = max($most, rss());
    unset($text);
    $_SESSION = [];
}
// Pairs in pairs, to the deepest level: each level is moved once more.
feed('{"v":' . str_repeat('{"$map":[[1,', 168) . '"' . str_repeat('x', 1 << 20) . '"' . str_repeat(']]}', 168) . '}') || fail('nested pairs are refused', '');
feed('6|i:3;n|i:1;') || fail('a number for a name is refused', '6|i:3;n|i:1;');
if ($most > 400 << 20) {
    fail("$most bytes of memory", '');
}

$accepted = $count = 0;
for ($end = hrtime(true) + $seconds * 1e9; hrtime(true) < $end;) {
    $text = match (mt_rand(0, 4)) {
        0 => random_bytes(mt_rand(1, 40)),
        1 => '{' . random_bytes(mt_rand(1, 40)),
        2 => gadget_text(),
        default => mutated($corpus),
    };
    $accepted += (int) feed($text);
    $count++;
}
if (get_declared_classes() !== $classes) {
    fail('new classes', '');
}
echo "$count texts, $accepted accepted, seed $seed, ", intdiv($most, 1 << 20), " MB\n";
