--TEST--
json with objects: __serialize() and __unserialize() that throw, exit, encode, or use another session
--INI--
session.serialize_handler=json
rustredis.json_objects=serialize
--SKIPIF--
<?php getenv('USE_ZEND_ALLOC') === '0' && die('skip memory_limit is kept by the allocator of PHP that is off here');
--FILE--
<?php
require __DIR__ . '/../support/support.inc';
require __DIR__ . '/exact.inc';

$class = <<<'PHP'
class Meddler
{
    public function __construct(public string $code, public string $wakes = '')
    {
    }

    public function __serialize(): array
    {
        // Once: it would meet itself in the session.
        static $busy = false;
        if (!$busy) {
            $busy = true;
            eval($this->code);
            $busy = false;
        }
        return [$this->code, $this->wakes];
    }

    public function __unserialize(array $data): void
    {
        [$this->code, $this->wakes] = $data;
        eval($this->wakes);
    }
}
PHP;
eval($class);

/** What it says, with what is stored afterwards. */
function request(string $id, string $code): string
{
    global $class;
    $child = Child::run("$class\n" . 'session_id($argv[1]); ' . $code, [$id], ['session.serialize_handler' => 'json',
        'rustredis.json_objects' => 'serialize']);
    $output = $child->output();
    if ($child->exit_code() < 0) {
        echo "NOT OK: a crash\n";
    }
    return $output;
}

$stored = '{"n":1}';
$cases = [
    'throws' => 'throw new LogicException("not this one");',
    'exits' => 'exit(0);',
    'runs out of memory' => 'ini_set("memory_limit", "8M"); str_repeat("x", 16 << 20);',
    'is a fatal error' => 'abstract_function_that_is_not();',
];
foreach ($cases as $what => $code) {
    foreach (['session_write_close();', ''] as $end) {
        $id = new_id();
        redis()->set(data_key($id), $stored, 'EX', 100);
        request($id, 'session_start(); $_SESSION["n"] = 2; $_SESSION["o"] = [new Meddler(' . var_export($code, true) . ')]; ' . $end);
        $now = redis()->get(data_key($id));
        // After a lack of memory PHP writes once more at the end of the request, when the object no longer objects.
        $whole = $what === 'runs out of memory' && (json_decode((string) $now, true)['n'] ?? 0) === 2 && str_contains($now, '$object');
        ok("__serialize() $what" . ($end ? '' : ' at the end'), $now === $stored || $whole, $now);
        same('the lock is gone', false, is_locked($id));
    }
}
$encoded = '{"n":2,"o":[{"$object":' . json_encode(serialize(new Meddler('@session_encode();'))) . '},"x"]}';
$id = new_id();
request($id, 'session_start(); $_SESSION = ["n" => 2, "o" => [new Meddler("@session_encode();"), "x"]]; ');
ok('__serialize() that encodes the session ends', in_array(redis()->get(data_key($id)), [$encoded, null], true), redis()->get(data_key($id)));

// It may change the session while it is written: what is written is the session as it was.
foreach (['$_SESSION = [];', 'unset($_SESSION["o"]);', '$_SESSION["o"] = null;', '$_SESSION["o"][] = new stdClass;', '$_SESSION = 1;',
    'array_unshift($_SESSION["o"], new stdClass);', 'unset($GLOBALS["_SESSION"]);', 'session_destroy();', 'session_abort();',
    'session_write_close();', 'session_reset();', 'session_regenerate_id();', 'session_decode("{}");'] as $code) {
    $id = new_id();
    redis()->set(data_key($id), $stored, 'EX', 100);
    $output = request($id, 'session_start(); $_SESSION["o"] = [1, new Meddler(' . var_export($code, true) . '), "x", new ArrayObject([2])]; @session_write_close(); echo "end";');
    $now = redis()->get(data_key($id));
    ok("$code: a session that can be read", str_ends_with($output, 'end') && ($now === null || is_array(json_decode($now, true))), [$output, $now]);
    same('the lock is gone', false, is_locked($id));
}

$meddlers = ['throws' => 'throw new LogicException("not this one");', 'exits' => 'exit(0);', 'writes' => 'session_write_close();',
    'encodes' => '@session_encode();', 'decodes' => '@session_decode("{\"x\":[1]}");', 'aborts' => 'session_abort();', 'destroys' => 'session_destroy();'];
foreach ($meddlers as $what => $code) {
    $id = new_id();
    $json = json_encode(['n' => 1, 'o' => ['$object' => serialize(new Meddler('', $code))], 'z' => [1, 2]]);
    redis()->set(data_key($id), $json, 'EX', 100);
    $output = request($id, 'try { @session_start(); } catch (LogicException) {} echo "end";');
    ok("__unserialize() $what: no crash", $what === 'exits' || str_ends_with($output, 'end'), $output);
    same('the lock is gone', false, is_locked($id));
    $kept = redis()->get(data_key($id));
    if (in_array($what, ['throws', 'exits'], true)) {
        // It may lie aside, but is not lost and not emptied.
        ok('what was stored is not emptied', $kept === $json || $kept === null, $kept);
    }
}
$id = new_id();
redis()->set(data_key($id), '{"o":' . json_encode(['$object' => serialize(new Meddler('', 'session_start();'))]) . '}', 'EX', 100);
request($id, '@session_start(); echo "end";');
same('it starts a session itself: the lock is gone', false, is_locked($id));
--EXPECTREGEX--
(ok: [^\n]*\n?)+
