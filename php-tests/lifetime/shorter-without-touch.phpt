--TEST--
a lifetime that a request with rustredis.touch=0 makes shorter holds for the session at once, so that it outlives neither its state nor its place on a list
--FILE--
<?php
require __DIR__ . '/../user/user.inc';

/** The TTLs of a session that $change was made to, in a request with touch=0. */
function shortened(string $what, callable $change, bool $changes, int $life, bool $has_user = true, int $usual = 10_000): void
{
    ini_set('rustredis.touch', '1');
    ini_set('session.gc_maxlifetime', '10000');
    $user = new_user();
    if ($has_user) {
        $id = login($user);
    } else {
        visit($id = new_id());
    }
    ini_set('rustredis.touch', '0');
    ini_set('session.gc_maxlifetime', (string) $usual);
    start($id);
    $_SESSION['n'] = $changes ? 7 : $_SESSION['n'] ?? null;
    $change($user);
    session_write_close();
    [$ttl, $state] = [redis()->pttl(data_key($id)), redis()->pttl(side_key($id, 'STATE'))];
    ok("$what: the session", abs($ttl - $life * 1000) <= 60_000, $ttl);
    ok('ends before its state', $ttl < $state, [$ttl, $state]);
    if (on_list($user)) {
        poll('the list', fn () => $ttl < redis()->pttl(list_key($user)));
    }
}

foreach (['1', '0'] as $locking) {
    ini_set('rustredis.locking', $locking);
    foreach ([true, false] as $changes) {
        $case = "locking=$locking, " . ($changes ? 'changed' : 'unchanged');
        foreach ([true, false] as $has_user) {
            shortened("$case, idle", fn () => rustredis_session_lifetime(100), $changes, 100, $has_user);
            shortened("$case, with an end", fn () => rustredis_session_lifetime(5000, 300), $changes, 300, $has_user);
        }
        shortened("$case, an end that is later", fn () => rustredis_session_lifetime(90_000, 200_000), $changes, 10_000);
        shortened("$case, longer", fn () => rustredis_session_lifetime(90_000), $changes, 10_000);
        shortened("$case, a login page with less", rustredis_user(...), $changes, 100, false, 100);
    }
}
--EXPECT--
ok: locking=1, changed, idle: the session
ok: ends before its state
ok: locking=1, changed, with an end: the session
ok: ends before its state
ok: locking=1, changed, idle: the session
ok: ends before its state
ok: locking=1, changed, with an end: the session
ok: ends before its state
ok: locking=1, changed, an end that is later: the session
ok: ends before its state
ok: locking=1, changed, longer: the session
ok: ends before its state
ok: locking=1, changed, a login page with less: the session
ok: ends before its state
ok: locking=1, unchanged, idle: the session
ok: ends before its state
ok: locking=1, unchanged, with an end: the session
ok: ends before its state
ok: locking=1, unchanged, idle: the session
ok: ends before its state
ok: locking=1, unchanged, with an end: the session
ok: ends before its state
ok: locking=1, unchanged, an end that is later: the session
ok: ends before its state
ok: locking=1, unchanged, longer: the session
ok: ends before its state
ok: locking=1, unchanged, a login page with less: the session
ok: ends before its state
ok: locking=0, changed, idle: the session
ok: ends before its state
ok: locking=0, changed, with an end: the session
ok: ends before its state
ok: locking=0, changed, idle: the session
ok: ends before its state
ok: locking=0, changed, with an end: the session
ok: ends before its state
ok: locking=0, changed, an end that is later: the session
ok: ends before its state
ok: locking=0, changed, longer: the session
ok: ends before its state
ok: locking=0, changed, a login page with less: the session
ok: ends before its state
ok: locking=0, unchanged, idle: the session
ok: ends before its state
ok: locking=0, unchanged, with an end: the session
ok: ends before its state
ok: locking=0, unchanged, idle: the session
ok: ends before its state
ok: locking=0, unchanged, with an end: the session
ok: ends before its state
ok: locking=0, unchanged, an end that is later: the session
ok: ends before its state
ok: locking=0, unchanged, longer: the session
ok: ends before its state
ok: locking=0, unchanged, a login page with less: the session
ok: ends before its state
