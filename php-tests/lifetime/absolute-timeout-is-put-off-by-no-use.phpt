--TEST--
rustredis.absolute_timeout: no use prolongs a session beyond its end, and each costs the usual trips
--INI--
session.gc_maxlifetime=1800
session.use_strict_mode=0
--FILE--
<?php
require __DIR__ . '/lifetime.inc';

use RustRedis\SessionHandler;

function ttl_is(string $what, int $seconds, string $id): void
{
    $ttl = redis()->ttl(data_key($id));
    // The last second counts as a full one.
    ok("$what: the TTL", $ttl > $seconds - 60 && $ttl <= $seconds + 1, $ttl);
}

// Each node of a Cluster needs its connection and scripts.
foreach (IN_CLUSTER ? range(1, 40) : [1] as $i) {
    foreach (['7200', '0'] as $timeout) {
        ini_set('rustredis.absolute_timeout', $timeout);
        visit($id = new_id());
        start($id) && session_reset();
        session_write_close();
    }
    $handler = new SessionHandler();
    $handler->write($id, $handler->read($id));
}
visit($id = new_id());
same('0 is off: no state', null, state($id));
ini_set('rustredis.absolute_timeout', '7200');
start($id, ['read_and_close' => true]);
same('a read does not begin it', null, state($id));
foreach (['unchanged' => fn ($id) => start($id) && session_write_close(), 'changed' => visit(...), 'new' => visit(...)] as $how => $use) {
    $id = new_id();
    if ($how !== 'new') {
        store_session($id, ['n' => 1]);
    }
    same("$how: two trips", 2, trips(fn () => $use($id)));
    $state = state($id);
    ok("$how: it begins now", near(now(), $state['created']), $state);
    same("$how: and ends after the timeout", (int) $state['created'] + 7_200_000, (int) $state['end']);
    $ttl = redis()->ttl(side_key($id, 'STATE'));
    ok("$how: the state lives longer", abs($ttl - 7200 - 1800) < 60, $ttl);
    ttl_is($how, 1800, $id);
}
$before = state($id);
ini_set('rustredis.absolute_timeout', '60');
same('other pages: two trips', 2, trips(fn () => visit($id)));
ini_set('rustredis.absolute_timeout', '0');
visit($id);
same('they change nothing', $before, state($id));

$uses = [
    'changed' => visit(...),
    'unchanged' => fn ($id) => start($id) && session_write_close(),
    'large' => fn ($id) => start($id) && ($_SESSION['n'] = str_repeat('x', 5000)) && session_write_close(),
    'aborted' => fn ($id) => start($id) && session_abort(),
    'reset' => fn ($id) => start($id) && session_reset() && session_write_close(),
    'read_and_close' => fn ($id) => visit($id, ['read_and_close' => true]),
    'a handler object' => function ($id) {
        $handler = new SessionHandler();
        $handler->read($id);
        $handler->write($id, 'n|i:7;');
    },
];
ini_set('rustredis.absolute_timeout', '7200');
foreach (['1', '0'] as $locking) {
    ini_set('rustredis.locking', $locking);
    foreach ($uses as $how => $use) {
        $how .= ", locking $locking";
        $trips = [];
        foreach (['usual' => 3600, 'near' => 100] as $kind => $left) {
            store_session($id = new_id(), ['n' => 1]);
            set_state($id, ['end' => now() + $left * 1000]);
            $state = state($id);
            $trips[$kind] = trips(fn () => $use($id));
            ttl_is("$how, $kind", min($left, 1800), $id);
            same("$how, $kind: the state stays", $state, state($id));
            same("$how, $kind: no lock", false, is_locked($id));
        }
        ok("$how: no trip more", $trips['near'] <= $trips['usual'], $trips);
        store_session($id = new_id(), ['n' => 6]);
        set_state($id, ['end' => now() - 2000]);
        $use($id);
        $n = redis()->get(data_key($id));
        ok("$how: what is over is gone", !str_contains((string) $n, 'i:6'), $n);
        $state = state($id);
        ok("$how: and says so, or begins anew", $n === null ? [$state['is'], $state['reason']] === ['dead', 'absolute']
            : near(now() + 7_200_000, $state['end']), $state);
        same("$how: no lock is left", false, is_locked($id));
    }
}
ini_set('rustredis.locking', '1');

store_session($id = new_id(), ['n' => 1]);
set_state($id, ['end' => $end = now() + 1500]);
start($id);
same('it is still there', ['n' => 1], $_SESSION);
$_SESSION['n'] = 2;
poll('the end', fn () => now() > $end + 50);
$warnings = warnings_of(fn () => session_write_close());
same('over while it is open: a warning', 1, count(preg_grep('/lifetime was over/', $warnings)));
same('nothing is stored', null, redis()->get(data_key($id)));
same('the reason', 'absolute', state($id)['reason']);
same('no lock', false, is_locked($id));

ini_set('rustredis.first_lifetime', '200');
visit($id = new_id());
same('the first lifetime leaves no state behind', null, state($id));
visit($id);
ok('the second request begins it', near(now() + 7_200_000, state($id)['end']));
ini_set('rustredis.first_lifetime', '0');

ini_set('rustredis.absolute_timeout', '0');
set_state($id = new_id(), ['end' => now() + 50_000]);
visit($id);
ttl_is('the state of an earlier session under the same id does not count', 1800, $id);
--EXPECT--
ok: 0 is off: no state
ok: a read does not begin it
ok: unchanged: two trips
ok: unchanged: it begins now
ok: unchanged: and ends after the timeout
ok: unchanged: the state lives longer
ok: unchanged: the TTL
ok: changed: two trips
ok: changed: it begins now
ok: changed: and ends after the timeout
ok: changed: the state lives longer
ok: changed: the TTL
ok: new: two trips
ok: new: it begins now
ok: new: and ends after the timeout
ok: new: the state lives longer
ok: new: the TTL
ok: other pages: two trips
ok: they change nothing
ok: changed, locking 1, usual: the TTL
ok: changed, locking 1, usual: the state stays
ok: changed, locking 1, usual: no lock
ok: changed, locking 1, near: the TTL
ok: changed, locking 1, near: the state stays
ok: changed, locking 1, near: no lock
ok: changed, locking 1: no trip more
ok: changed, locking 1: what is over is gone
ok: changed, locking 1: and says so, or begins anew
ok: changed, locking 1: no lock is left
ok: unchanged, locking 1, usual: the TTL
ok: unchanged, locking 1, usual: the state stays
ok: unchanged, locking 1, usual: no lock
ok: unchanged, locking 1, near: the TTL
ok: unchanged, locking 1, near: the state stays
ok: unchanged, locking 1, near: no lock
ok: unchanged, locking 1: no trip more
ok: unchanged, locking 1: what is over is gone
ok: unchanged, locking 1: and says so, or begins anew
ok: unchanged, locking 1: no lock is left
ok: large, locking 1, usual: the TTL
ok: large, locking 1, usual: the state stays
ok: large, locking 1, usual: no lock
ok: large, locking 1, near: the TTL
ok: large, locking 1, near: the state stays
ok: large, locking 1, near: no lock
ok: large, locking 1: no trip more
ok: large, locking 1: what is over is gone
ok: large, locking 1: and says so, or begins anew
ok: large, locking 1: no lock is left
ok: aborted, locking 1, usual: the TTL
ok: aborted, locking 1, usual: the state stays
ok: aborted, locking 1, usual: no lock
ok: aborted, locking 1, near: the TTL
ok: aborted, locking 1, near: the state stays
ok: aborted, locking 1, near: no lock
ok: aborted, locking 1: no trip more
ok: aborted, locking 1: what is over is gone
ok: aborted, locking 1: and says so, or begins anew
ok: aborted, locking 1: no lock is left
ok: reset, locking 1, usual: the TTL
ok: reset, locking 1, usual: the state stays
ok: reset, locking 1, usual: no lock
ok: reset, locking 1, near: the TTL
ok: reset, locking 1, near: the state stays
ok: reset, locking 1, near: no lock
ok: reset, locking 1: no trip more
ok: reset, locking 1: what is over is gone
ok: reset, locking 1: and says so, or begins anew
ok: reset, locking 1: no lock is left
ok: read_and_close, locking 1, usual: the TTL
ok: read_and_close, locking 1, usual: the state stays
ok: read_and_close, locking 1, usual: no lock
ok: read_and_close, locking 1, near: the TTL
ok: read_and_close, locking 1, near: the state stays
ok: read_and_close, locking 1, near: no lock
ok: read_and_close, locking 1: no trip more
ok: read_and_close, locking 1: what is over is gone
ok: read_and_close, locking 1: and says so, or begins anew
ok: read_and_close, locking 1: no lock is left
ok: a handler object, locking 1, usual: the TTL
ok: a handler object, locking 1, usual: the state stays
ok: a handler object, locking 1, usual: no lock
ok: a handler object, locking 1, near: the TTL
ok: a handler object, locking 1, near: the state stays
ok: a handler object, locking 1, near: no lock
ok: a handler object, locking 1: no trip more
ok: a handler object, locking 1: what is over is gone
ok: a handler object, locking 1: and says so, or begins anew
ok: a handler object, locking 1: no lock is left
ok: changed, locking 0, usual: the TTL
ok: changed, locking 0, usual: the state stays
ok: changed, locking 0, usual: no lock
ok: changed, locking 0, near: the TTL
ok: changed, locking 0, near: the state stays
ok: changed, locking 0, near: no lock
ok: changed, locking 0: no trip more
ok: changed, locking 0: what is over is gone
ok: changed, locking 0: and says so, or begins anew
ok: changed, locking 0: no lock is left
ok: unchanged, locking 0, usual: the TTL
ok: unchanged, locking 0, usual: the state stays
ok: unchanged, locking 0, usual: no lock
ok: unchanged, locking 0, near: the TTL
ok: unchanged, locking 0, near: the state stays
ok: unchanged, locking 0, near: no lock
ok: unchanged, locking 0: no trip more
ok: unchanged, locking 0: what is over is gone
ok: unchanged, locking 0: and says so, or begins anew
ok: unchanged, locking 0: no lock is left
ok: large, locking 0, usual: the TTL
ok: large, locking 0, usual: the state stays
ok: large, locking 0, usual: no lock
ok: large, locking 0, near: the TTL
ok: large, locking 0, near: the state stays
ok: large, locking 0, near: no lock
ok: large, locking 0: no trip more
ok: large, locking 0: what is over is gone
ok: large, locking 0: and says so, or begins anew
ok: large, locking 0: no lock is left
ok: aborted, locking 0, usual: the TTL
ok: aborted, locking 0, usual: the state stays
ok: aborted, locking 0, usual: no lock
ok: aborted, locking 0, near: the TTL
ok: aborted, locking 0, near: the state stays
ok: aborted, locking 0, near: no lock
ok: aborted, locking 0: no trip more
ok: aborted, locking 0: what is over is gone
ok: aborted, locking 0: and says so, or begins anew
ok: aborted, locking 0: no lock is left
ok: reset, locking 0, usual: the TTL
ok: reset, locking 0, usual: the state stays
ok: reset, locking 0, usual: no lock
ok: reset, locking 0, near: the TTL
ok: reset, locking 0, near: the state stays
ok: reset, locking 0, near: no lock
ok: reset, locking 0: no trip more
ok: reset, locking 0: what is over is gone
ok: reset, locking 0: and says so, or begins anew
ok: reset, locking 0: no lock is left
ok: read_and_close, locking 0, usual: the TTL
ok: read_and_close, locking 0, usual: the state stays
ok: read_and_close, locking 0, usual: no lock
ok: read_and_close, locking 0, near: the TTL
ok: read_and_close, locking 0, near: the state stays
ok: read_and_close, locking 0, near: no lock
ok: read_and_close, locking 0: no trip more
ok: read_and_close, locking 0: what is over is gone
ok: read_and_close, locking 0: and says so, or begins anew
ok: read_and_close, locking 0: no lock is left
ok: a handler object, locking 0, usual: the TTL
ok: a handler object, locking 0, usual: the state stays
ok: a handler object, locking 0, usual: no lock
ok: a handler object, locking 0, near: the TTL
ok: a handler object, locking 0, near: the state stays
ok: a handler object, locking 0, near: no lock
ok: a handler object, locking 0: no trip more
ok: a handler object, locking 0: what is over is gone
ok: a handler object, locking 0: and says so, or begins anew
ok: a handler object, locking 0: no lock is left
ok: it is still there
ok: over while it is open: a warning
ok: nothing is stored
ok: the reason
ok: no lock
ok: the first lifetime leaves no state behind
ok: the second request begins it
ok: the state of an earlier session under the same id does not count: the TTL
