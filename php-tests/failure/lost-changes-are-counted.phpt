--TEST--
a change that PHP cannot save is counted as refused, and its page is not told to use read_and_close
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class Fails
{
    public static bool $fails = false;

    public function __unserialize(array $data): void
    {
        self::$fails && throw new LogicException('no database');
    }

    public function __serialize(): array
    {
        return ['n' => 1];
    }
}

function counters(): array
{
    preg_match_all('/^rustredis_(writes\w*_total|locked_unchanged_total)(\{\S+)? (\d+)/m', rustredis_metrics(), $found);
    return array_combine(array_map(fn ($name, $label) => $name . $label, $found[1], $found[2]), array_map('intval', $found[3]));
}

ini_set('error_log', temp_file(''));

/** Returns what is counted of a session whose change is lost. */
function counted(callable $change): array
{
    start(new_id());
    $_SESSION['n'] = 1;
    $_SESSION['o'] = $GLOBALS['object'] ?? null;
    session_write_close();
    $before = counters();
    warnings_of(function () use ($change) {
        try {
            $change();
        } catch (Exception) {
        }
        try {
            session_status() === PHP_SESSION_ACTIVE && session_write_close();
        } catch (Exception) {
        }
    });
    $after = counters();
    $counted = array_filter(array_map(fn ($name) => $after[$name] - $before[$name], array_combine(array_keys($after), array_keys($after))));
    ksort($counted);
    return [...$counted, ...array_intersect_key(rustredis_status()['last'], ['outcome' => 0, 'changed' => 0])];
}

function refused(string $reason): array
{
    return ["writes_refused_total{reason=\"$reason\"}" => 1, 'writes_total{result="refused"}' => 1, 'changed' => true,
        'outcome' => 'refused'];
}

$again = function (callable $change) {
    return function () use ($change) {
        start(session_id());
        $change();
    };
};
$add = fn (mixed $value) => $again(function () use ($value) { $_SESSION['new'] = $value; });
$json = function () use ($add, $again) {
    ini_set('session.serialize_handler', 'json');
    same('an object in JSON', refused('not_encoded'), counted($add(new ArrayObject([1]))));
    foreach ([true, false] as $delete) {
        same('and a new id', refused('not_encoded'), counted($again(function () use ($delete) {
            $_SESSION['new'] = new ArrayObject([1]);
            session_regenerate_id($delete);
        })));
    }
    ini_set('session.lazy_write', '0');
    same('without lazy_write', refused('not_encoded'), counted($add(new ArrayObject([1]))));
    ini_restore('session.lazy_write');
    ini_restore('session.serialize_handler');
};
$json();
// From 8.6 on, PHP does not close a session that another serializer cannot encode.
if (PHP_VERSION_ID < 80600) {
    same('a name that cannot be stored', refused('not_encoded'), counted($again(function () { $_SESSION['a|b'] = 1; })));
} else {
    echo "ok: a name that cannot be stored\n";
}
$object = new Fails();
same('half of it was decoded', refused('unread'), counted(function () {
    Fails::$fails = true;
    try {
        start(session_id());
    } catch (LogicException) {
    }
    Fails::$fails = false;
    $_SESSION['new'] = 1;
}));
$object = null;

// What is stored, or given up, is no loss.
same('a change', ['writes_total{result="stored"}' => 1, 'changed' => true, 'outcome' => 'stored'], counted($add(1)));
same('no change', ['locked_unchanged_total' => 1, 'writes_total{result="unchanged"}' => 1, 'changed' => false,
    'outcome' => 'unchanged'], counted($again(fn () => null)));

session_set_save_handler(new RustRedis\SessionHandler());
$json();
--EXPECT--
ok: an object in JSON
ok: and a new id
ok: and a new id
ok: without lazy_write
ok: a name that cannot be stored
ok: half of it was decoded
ok: a change
ok: no change
ok: an object in JSON
ok: and a new id
ok: and a new id
ok: without lazy_write
