--TEST--
a session that a login has chosen, and not ended yet, is not stored under its next id, and does not log in again
--FILE--
<?php
require __DIR__ . '/user.inc';

/** Marks a session on the list of its user, as a login does before it ends the session. */
function choose(string $user, string $id): void
{
    redis()->hset(list_key($user), $id, '-' . on_list($user)[$id]);
}

foreach (['1', '0'] as $locking) {
    ini_set('rustredis.locking', $locking);
    foreach (['with the old session' => true, 'without it' => false] as $how => $delete) {
        start($id = login($user = new_user()));
        choose($user, $id);
        $warnings = warnings_of(function () use ($delete) {
            session_regenerate_id($delete);
            $_SESSION['n'] = 2;
            session_write_close();
        });
        same("locking=$locking, a new id, $how", [false, false, []], [lives($id), lives(session_id()), on_list($user)]);
        same('the old id tells why', ['limit', 0], [reason_of($id), redis()->exists(data_key($id) . '_OLD')]);
        same('it is told', true, str_contains(implode($warnings), 'another request destroyed it'));
    }
    start($id = login($user = new_user()));
    choose($user, $id);
    $error = thrown(fn () => rustredis_user($user, 1));
    same("locking=$locking, a login", 'RustRedis\SessionDestroyedException', strstr($error, ':', true));
    same('it says why', true, str_contains($error, 'gets no user: another request has ended it'));
    $_SESSION['n'] = 2;
    warnings_of(fn () => session_write_close());
    same('it has ended', [false, 'limit', []], [lives($id), reason_of($id), on_list($user)]);

    // A login that has ended the session leaves a trace: the session that comes under the same id is another one.
    $other = login($user, 1);
    start($id);
    $_SESSION['n'] = 3;
    rustredis_user($user, 1);
    session_write_close();
    same('a later login under its id', [true, false], [lives($id), lives($other)]);
    same('it is listed', [$id], array_keys(on_list($user)));
}
--EXPECT--
ok: locking=1, a new id, with the old session
ok: the old id tells why
ok: it is told
ok: locking=1, a new id, without it
ok: the old id tells why
ok: it is told
ok: locking=1, a login
ok: it says why
ok: it has ended
ok: a later login under its id
ok: it is listed
ok: locking=0, a new id, with the old session
ok: the old id tells why
ok: it is told
ok: locking=0, a new id, without it
ok: the old id tells why
ok: it is told
ok: locking=0, a login
ok: it says why
ok: it has ended
ok: a later login under its id
ok: it is listed
