--TEST--
rustredis_session(), rustredis_time_left() and rustredis_ended() tell the life of a session, and prolong nothing
--INI--
session.gc_maxlifetime=1800
--FILE--
<?php
require __DIR__ . '/lifetime.inc';

/** True if a number of seconds is this one, but for the time that the test takes. */
function about(int $seconds, mixed $other): bool
{
    return is_int($other) && abs($seconds - $other) < 60;
}

$none = ['created' => null, 'authenticated' => null, 'expires' => null, 'ends' => null, 'user' => null];
same('no session', [null, null, null], [rustredis_session(), rustredis_ended(), rustredis_time_left()]);
// Each node of a Cluster needs its connection and the script of a release.
foreach (IN_CLUSTER ? range(1, 40) : [1] as $i) {
    store_session($id = new_id(), ['n' => 1]);
    set_state($id, ['end' => now() + 900_000]);
    visit($id);
}
visit($id = new_id());
start($id);
same('0 trips', 0, trips(function () use (&$known) {
    $known = rustredis_session();
}));
same('an ordinary session', $none, array_merge($known, ['expires' => null]));
ok('it expires after an idle lifetime', about(time() + 1800, $known['expires']), $known);
session_write_close();
same('a closed one', null, rustredis_session());

ini_set('rustredis.absolute_timeout', '7200');
start($new = new_id());
$known = rustredis_session();
ok('a new session', about(time(), $known['created']) && about(time() + 7200, $known['ends']), $known);
session_abort();
same('nothing is stored', null, state($new));
store_session($id = new_id(), ['n' => 1], 600);
set_state($id, ['created' => (time() - 100) * 1000, 'auth' => (time() - 50) * 1000, 'end' => (time() + 900) * 1000, 'user' => 'u']);
session_id($id);
same('one trip', 1, trips(function () use (&$left) {
    $left = rustredis_time_left();
}));
ok('the time left', about(600, $left['idle']) && about(900, $left['absolute']), $left);
ok('nothing is prolonged', redis()->ttl(data_key($id)) <= 600, redis()->ttl(data_key($id)));
same('nothing is started or locked', [PHP_SESSION_NONE, false], [session_status(), is_locked($id)]);
start($id);
$known = rustredis_session();
ok('its times', about(time() - 100, $known['created']) && about(time() - 50, $known['authenticated'])
    && about(time() + 900, $known['expires']) && about(time() + 900, $known['ends']), $known);
same('its user', 'u', $known['user']);
same('while it is open: one trip', 1, trips(function () use (&$left) {
    $left = rustredis_time_left();
}));
ok('and the same time', about(900, $left['idle']) && about(900, $left['absolute']), $left);
$_SESSION['n'] = 2;
same('it is saved as ever', [1, 'n|i:2;'], [trips('session_write_close'), redis()->get(data_key($id))]);
foreach (['an unknown session' => new_id(), 'one that is over' => $id] as $which => $its) {
    if ($its === $id) {
        set_state($id, ['end' => now() - 2000]);
    }
    session_id($its);
    same("$which has no time left", null, rustredis_time_left());
}
redis()->set(data_key($id = new_id()), '', 'EX', 77);
session_id($id);
ok('an empty one has', about(77, rustredis_time_left()['idle'] ?? null) && rustredis_time_left()['absolute'] === null);

store_session($old = new_id(), ['n' => 1], 600);
set_state($old, ['idle' => 700, 'end' => now() + 900_000]);
start($old);
session_regenerate_id(true);
session_write_close();
$new = session_id();
session_id($old);
same('one that goes on under another id: two trips', 2, trips(function () use (&$left) {
    $left = rustredis_time_left();
}));
ok('and the time of that', about(700, $left['idle']) && about(900, $left['absolute']), $left);
start($new);
session_destroy();
session_id($old);
same('until that is over', null, rustredis_time_left());

/** Starts the session of an id, and returns the reason why it is not there. */
function reason(string $id): ?string
{
    start($id);
    $trips = trips(function () use (&$reason) {
        $reason = rustredis_ended();
    });
    session_abort();
    same('0 trips', [0, $reason], [$trips, rustredis_ended()]);
    return $reason;
}

same('a session that is there', null, reason($id));
same('one that never was', null, reason(new_id()));
store_session($id, ['n' => 1]);
start($id);
session_destroy();
same('after a logout', 'logout', reason($id));
set_state($idle = new_id(), []);
same('after an idle lifetime', 'idle', reason($idle));
store_session($over = new_id(), ['n' => 1]);
set_state($over, ['end' => now() - 2000]);
same('after its time', 'absolute', reason($over));
same('that is remembered', 'absolute', reason($over));
set_state($gone = new_id(), ['end' => now() - 2000]);
same('although Redis was first', 'absolute', reason($gone));
$life = fn (string $id) => redis()->ttl(side_key($id, 'STATE'));
foreach ([0 => 300, 5000 => 5000] as $memory => $seconds) {
    ini_set('rustredis.ended_memory', (string) $memory);
    store_session($id = new_id(), ['n' => 1]);
    start($id);
    session_destroy();
    ok("ended_memory $memory", about($seconds, $life($id)), $life($id));
}
--EXPECT--
ok: no session
ok: 0 trips
ok: an ordinary session
ok: it expires after an idle lifetime
ok: a closed one
ok: a new session
ok: nothing is stored
ok: one trip
ok: the time left
ok: nothing is prolonged
ok: nothing is started or locked
ok: its times
ok: its user
ok: while it is open: one trip
ok: and the same time
ok: it is saved as ever
ok: an unknown session has no time left
ok: one that is over has no time left
ok: an empty one has
ok: one that goes on under another id: two trips
ok: and the time of that
ok: until that is over
ok: 0 trips
ok: a session that is there
ok: 0 trips
ok: one that never was
ok: 0 trips
ok: after a logout
ok: 0 trips
ok: after an idle lifetime
ok: 0 trips
ok: after its time
ok: 0 trips
ok: that is remembered
ok: 0 trips
ok: although Redis was first
ok: ended_memory 0
ok: ended_memory 5000