--TEST--
the ids that a session has left in this request are a part of it: no end of other sessions and no limit ends them
--FILE--
<?php
require __DIR__ . '/user.inc';

/** The state of an id that was left, and what a late request under it gets. */
function late(string $old): array
{
    $reason = reason_of($old);
    ini_set('session.use_strict_mode', '1');
    start($old);
    $got = [$reason, session_id() === $old, $_SESSION['user'] ?? null];
    session_abort();
    ini_set('session.use_strict_mode', '0');
    return $got;
}

foreach ([true, false] as $delete) {
    foreach ([1, 2, 3] as $changes) {
        $case = "$changes, " . json_encode($delete);
        $old = login($user = new_user());
        $other = login($user);
        start($old);
        for ($i = 0; $i < $changes; $i++) {
            session_regenerate_id($delete);
        }
        $count = rustredis_revoke(others_only: true);
        session_write_close();
        same("others_only, $case", [1, false, true], [$count, lives($other), lives(session_id())]);
        $new = session_id();
        poll('the list', fn () => array_keys(on_list($user)) === [$new]);
        same('a late request', ['regenerated', true, $user], late($old));

        foreach ([1, 2] as $limit) {
            foreach (['oldest', 'refuse'] as $on_limit) {
                $old = login($user = new_user());
                start($old);
                for ($i = 0; $i < $changes; $i++) {
                    session_regenerate_id($delete);
                }
                $bound = rustredis_user($user, $limit, $on_limit);
                session_write_close();
                same("limit $limit, $on_limit, $case", [true, true], [$bound, lives($new = session_id())]);
                poll('the list', fn () => array_keys(on_list($user)) === [$new]);
                same('a late request', ['regenerated', true, $user], late($old));
            }
        }

        $old = login($user = new_user());
        start($old);
        for ($i = 0; $i < $changes; $i++) {
            session_regenerate_id($delete);
        }
        rustredis_user($next = new_user());
        session_write_close();
        $new = session_id();
        poll('the lists', fn () => [[], [$new]] === [on_list($user), array_keys(on_list($next))]);
        same("another user, $case", 0, rustredis_revoke($user));
        same('a late request', ['regenerated', true, $user], late($old));

        start(login($user = new_user()));
        for ($i = 0; $i < $changes; $i++) {
            session_regenerate_id($delete);
        }
        session_write_close();
        $new = session_id();
        poll('the list', fn () => array_keys(on_list($user)) === [$new]);
        same("no call, $case", true, lives($new));
    }
}
--EXPECT--
ok: others_only, 1, true
ok: a late request
ok: limit 1, oldest, 1, true
ok: a late request
ok: limit 1, refuse, 1, true
ok: a late request
ok: limit 2, oldest, 1, true
ok: a late request
ok: limit 2, refuse, 1, true
ok: a late request
ok: another user, 1, true
ok: a late request
ok: no call, 1, true
ok: others_only, 2, true
ok: a late request
ok: limit 1, oldest, 2, true
ok: a late request
ok: limit 1, refuse, 2, true
ok: a late request
ok: limit 2, oldest, 2, true
ok: a late request
ok: limit 2, refuse, 2, true
ok: a late request
ok: another user, 2, true
ok: a late request
ok: no call, 2, true
ok: others_only, 3, true
ok: a late request
ok: limit 1, oldest, 3, true
ok: a late request
ok: limit 1, refuse, 3, true
ok: a late request
ok: limit 2, oldest, 3, true
ok: a late request
ok: limit 2, refuse, 3, true
ok: a late request
ok: another user, 3, true
ok: a late request
ok: no call, 3, true
ok: others_only, 1, false
ok: a late request
ok: limit 1, oldest, 1, false
ok: a late request
ok: limit 1, refuse, 1, false
ok: a late request
ok: limit 2, oldest, 1, false
ok: a late request
ok: limit 2, refuse, 1, false
ok: a late request
ok: another user, 1, false
ok: a late request
ok: no call, 1, false
ok: others_only, 2, false
ok: a late request
ok: limit 1, oldest, 2, false
ok: a late request
ok: limit 1, refuse, 2, false
ok: a late request
ok: limit 2, oldest, 2, false
ok: a late request
ok: limit 2, refuse, 2, false
ok: a late request
ok: another user, 2, false
ok: a late request
ok: no call, 2, false
ok: others_only, 3, false
ok: a late request
ok: limit 1, oldest, 3, false
ok: a late request
ok: limit 1, refuse, 3, false
ok: a late request
ok: limit 2, oldest, 3, false
ok: a late request
ok: limit 2, refuse, 3, false
ok: a late request
ok: another user, 3, false
ok: a late request
ok: no call, 3, false
