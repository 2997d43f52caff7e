--TEST--
a login costs one trip, and one for each session that it ends; the requests of a session with a user cost what all cost
--INI--
session.gc_maxlifetime=1800
--FILE--
<?php
require __DIR__ . '/user.inc';

// Each node of a Cluster needs its connection and the scripts.
$user = new_user();
foreach (IN_CLUSTER ? range(1, 30) : [1] as $i) {
    $ids[] = login(IN_CLUSTER ? new_user() : $user);
}
foreach ($ids as $id) {
    start($id);
    rustredis_user(new_user());
    rustredis_revoke();
    session_destroy();
}
/** The trips of each step of a login. */
function trips_of_login(string $user, int $limit): array
{
    $steps[] = trips(fn () => start($GLOBALS['id'] = new_id()));
    $steps[] = trips(fn () => rustredis_user($user, $limit));
    $_SESSION['n'] = 0;
    $steps[] = trips(session_write_close(...));
    return $steps;
}

same('without a limit', [1, 1, 1], trips_of_login($user, 0));
same('within it', [1, 1, 1], trips_of_login($user, 5));
same('with two victims', [1, 3, 1], trips_of_login($user, 1));
$request = function () use (&$id) {
    $steps[] = trips(fn () => start($id));
    $_SESSION['n']++;
    $steps[] = trips(session_write_close(...));
    return $steps;
};
same('an ordinary request', [1, 1], $request());
$bumped = on_list($user);
set_state($id, ['bumped' => now() - 899_000]);
same('within half an idle lifetime', [1, 1], $request());
same('nothing is written anew', $bumped, on_list($user));
usleep(2000); // another millisecond
set_state($id, ['bumped' => now() - 901_000]);
same('after it', [1, 1], $request());
ok('the state is new', near(now(), state($id)['bumped']), state($id));
poll('the list', fn () => on_list($user) !== $bumped);
ok('and the list', count(on_list($user)) === 1 && near(now(), (int) current(on_list($user))), on_list($user));
redis()->del(list_key($user));
set_state($id, ['bumped' => now() - 901_000]);
same('a list that was deleted', [1, 1], $request());
poll('the list', fn () => on_list($user) !== []);
same('is whole again', [$id], array_keys(on_list($user)));
ok('for as long', redis()->ttl(list_key($user)) > 3500, redis()->ttl(list_key($user)));
redis()->del(list_key($user));
set_state($id, ['bumped' => now() - 901_000], 100);
same('a request that only reads', 1, trips(fn () => start($id, ['read_and_close' => true])));
poll('the list', fn () => on_list($user) !== []);
same('keeps the place on the list', [$id], array_keys(on_list($user)));
poll('the state', fn () => redis()->ttl(side_key($id, 'STATE')) > 3500);
set_state($id, ['bumped' => now()]);
redis()->del(list_key($user));
same('the own session is always listed', [$user], [(function () use ($id, $user) {
    start($id);
    $sessions = rustredis_user_sessions();
    session_abort();
    return count($sessions) === 1 ? $user : $sessions;
})()]);
poll('the list', fn () => on_list($user) !== []);
same('and on the list', [$id], array_keys(on_list($user)));
start($id);
// It looks whether another request has moved the session.
same('a logout', 1, trips(session_destroy(...)));
poll('the list', fn () => on_list($user) === []);
--EXPECT--
ok: without a limit
ok: within it
ok: with two victims
ok: an ordinary request
ok: within half an idle lifetime
ok: nothing is written anew
ok: after it
ok: the state is new
ok: and the list
ok: a list that was deleted
ok: is whole again
ok: for as long
ok: a request that only reads
ok: keeps the place on the list
ok: the own session is always listed
ok: and on the list
ok: a logout
