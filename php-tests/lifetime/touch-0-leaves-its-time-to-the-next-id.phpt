--TEST--
rustredis.touch=0: session_regenerate_id() gives the next id the time that the session had left, for one trip more
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

const LIFE = 700;
const SETTINGS = ['session.name' => 'PHPSESSID', 'rustredis.locking' => '0', 'rustredis.regenerate_grace' => '0',
    'rustredis.write_ack' => 'deferred', 'rustredis.absolute_timeout' => '7200', 'rustredis.first_lifetime' => '5',
    'session.lazy_write' => '0'];

/** The class of a framework, which passes everything on. */
class Passing extends SessionHandler
{
}

/** Changes the id of a session with LIFE seconds left, and returns the TTL of the next one. */
function ttl_after(callable $use, ?int $idle, ?int &$trips = null): int
{
    $touch = ini_set('rustredis.touch', '1');
    start($id = new_id());
    $_SESSION['n'] = 1;
    $idle === null || rustredis_session_lifetime($idle);
    session_write_close();
    redis()->expire(data_key($id), LIFE);
    ini_set('rustredis.touch', $touch);
    $trips = trips(function () use ($id, $use) {
        start($id);
        $use();
        session_write_close();
    });
    poll('the session', fn () => redis()->exists(data_key(session_id())) === 1);
    same('the value', $_SESSION['n'], (int) substr(redis()->get(data_key(session_id())), 4));
    return session_id() === $id ? 0 : redis()->ttl(data_key(session_id()));
}

$ways = [
    'deleted' => fn () => session_regenerate_id(true),
    'kept' => fn () => session_regenerate_id(false),
    'changed' => function () {
        $_SESSION['n']++;
        session_regenerate_id(true);
        $_SESSION['n']++;
    },
    'twice' => fn () => session_regenerate_id(true) && session_regenerate_id(true),
    'cleared' => function () {
        $_SESSION = [];
        session_regenerate_id(true);
        $_SESSION['n'] = 5;
    },
];
ob_start();
$wrong = [];
foreach (['PHP', 'a class'] as $handler) {
    $handler === 'PHP' || session_set_save_handler(new Passing());
    foreach (SETTINGS as $name => $value) {
        $before = ini_set($name, $value);
        foreach ($ways as $way => $use) {
            foreach ([null, 5000] as $idle) {
                foreach (['1', '0'] as $touch) {
                    ini_set('rustredis.touch', $touch);
                    ttl_after($use, $idle);
                    $ttl = ttl_after($use, $idle, $trips[$touch]);
                    $is_right = $touch ? $ttl > 1400 : $ttl > LIFE - 30 && $ttl <= LIFE;
                    $is_right || $wrong[] = "$handler, $name=$value, $way, idle $idle, touch $touch: $ttl";
                }
                // A lifetime of its own takes one more, and so does each look for a new id without a lock.
                $more = ($idle === null ? 1 : 2) + ($name === 'rustredis.locking' ? 2 : 0);
                $trips[0] <= $trips[1] + $more || IN_CLUSTER || $wrong[] = "$handler, $name=$value, $way, idle $idle: " . json_encode($trips);
            }
        }
        ini_set($name, $before);
    }
}
$shown = ob_get_clean();
same('the times and the trips', [], $wrong);
ok('the values', !str_contains($shown, 'NOT OK'), $shown);
--EXPECT--
ok: the times and the trips
ok: the values
