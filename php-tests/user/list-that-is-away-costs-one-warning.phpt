--TEST--
a session gets its new id while the list of its user can't be used: one warning, and the next request puts it on the list
--INI--
session.gc_maxlifetime=1800
--FILE--
<?php
require __DIR__ . '/user.inc';

foreach (['1', '0'] as $locking) {
    ini_set('rustredis.locking', $locking);
    // A request that prolongs nothing lists the session as well.
    ini_set('rustredis.touch', $locking);
    $user = new_user();
    $id = login($user);
    start($id);
    redis()->del(list_key($user));
    redis()->set(list_key($user), 'no list');
    $got = warnings_of(function () use (&$moved) {
        $moved = session_regenerate_id(true);
        $_SESSION['n'] = 1;
        session_write_close();
    });
    $new = session_id();
    same("$locking: the session goes on", [true, true], [$moved, lives($new)]);
    ok("$locking: one warning", count($got) === 1 && preg_match("/list of a user's sessions.*WRONGTYPE.*later request/", $got[0]), $got);
    same("$locking: with its user", list_name($user), state($new)['user']);
    same("$locking: the state tells that no list has it", '', state($new)['bumped']);
    start($new);
    $_SESSION['n']++;
    same("$locking: that is said only once", [], warnings_of(fn () => session_write_close()));
    same("$locking: the list is still away", '', state($new)['bumped']);
    redis()->del(list_key($user));
    start($new);
    same("$locking: an unchanged request", [], warnings_of(fn () => session_write_close()));
    same("$locking: puts it on the list", [$new], array_keys(on_list($user)));
    ok("$locking: and the state knows", near(now(), state($new)['bumped']), state($new));
    start($new);
    same("$locking: the next one costs what all cost", (int) $locking, trips(fn () => session_write_close()));
    same("$locking: a revocation finds it", [1, false], [rustredis_revoke($user), lives($new)]);
}
--EXPECT--
ok: 1: the session goes on
ok: 1: one warning
ok: 1: with its user
ok: 1: the state tells that no list has it
ok: 1: that is said only once
ok: 1: the list is still away
ok: 1: an unchanged request
ok: 1: puts it on the list
ok: 1: and the state knows
ok: 1: the next one costs what all cost
ok: 1: a revocation finds it
ok: 0: the session goes on
ok: 0: one warning
ok: 0: with its user
ok: 0: the state tells that no list has it
ok: 0: that is said only once
ok: 0: the list is still away
ok: 0: an unchanged request
ok: 0: puts it on the list
ok: 0: and the state knows
ok: 0: the next one costs what all cost
ok: 0: a revocation finds it
