--TEST--
a request under the old id of a session lists and ends the sessions of its user, or is told that it cannot
--FILE--
<?php
require __DIR__ . '/user.inc';

/** A session of this user that has just moved: its old id and its new one. */
$moved = function (string $user): array {
    start($old = login($user, label: 'this one'));
    session_regenerate_id(true);
    session_write_close();
    return [$old, session_id()];
};
foreach (['1', '0'] as $locking) {
    ini_set('rustredis.locking', $locking);
    ini_set('rustredis.regenerate_grace', '10');

    [$old, $new] = $moved($user = new_user());
    $other = login($user, label: 'other');
    start($old);
    $sessions = array_column(rustredis_user_sessions(), 'current', 'handle');
    ksort($sessions);
    $expected = [handle($new) => true, handle($other) => false];
    ksort($expected);
    same("locking=$locking: all are listed, with the one that goes on", $expected, $sessions);
    same('the others can be ended', [1, true, false], [rustredis_revoke(others_only: true), lives($new), lives($other)]);
    same('and none is left', 0, rustredis_revoke(others_only: true));
    session_abort();

    $other = login($user);
    start($old);
    same('one can be ended by its handle', [1, true, false], [rustredis_revoke(handle: handle($other)), lives($new), lives($other)]);
    session_abort();
    $other = login($user);
    start($old);
    same('so can all, by the user', [2, false, false, []], [rustredis_revoke($user), lives($new), lives($other), on_list($user)]);
    session_abort();

    [$old, $new] = $moved($user = new_user());
    start($old);
    same('or without', [1, false], [rustredis_revoke(), lives($new)]);
    session_abort();

    store_session($old = new_id(), ['n' => 1]);
    start($old);
    session_regenerate_id(true);
    rustredis_user($user = new_user());
    session_write_close();
    start($old);
    same('a copy without a user stays one', [[], 0, 1], [rustredis_user_sessions(), rustredis_revoke(), count(on_list($user))]);
    session_abort();

    ini_set('rustredis.regenerate_grace', '0');
    [$old, $new] = $moved($user = new_user());
    start($old);
    same('no copy, no user', [[], null], [rustredis_user_sessions(), rustredis_session()['user']]);
    $thrown = thrown(fn () => rustredis_revoke());
    ok('and nothing can be ended', str_contains($thrown, 'RustRedis\\SessionException: rustredis: no session was ended'), $thrown);
    same('it goes on', true, lives($new));
    session_abort();
}
--EXPECT--
ok: locking=1: all are listed, with the one that goes on
ok: the others can be ended
ok: and none is left
ok: one can be ended by its handle
ok: so can all, by the user
ok: or without
ok: a copy without a user stays one
ok: no copy, no user
ok: and nothing can be ended
ok: it goes on
ok: locking=0: all are listed, with the one that goes on
ok: the others can be ended
ok: and none is left
ok: one can be ended by its handle
ok: so can all, by the user
ok: or without
ok: a copy without a user stays one
ok: no copy, no user
ok: and nothing can be ended
ok: it goes on