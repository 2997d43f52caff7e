--TEST--
without a grace, the id beside which session_regenerate_id() goes on is no second session for a limit, and is not ended by it
--INI--
rustredis.regenerate_grace=0
--FILE--
<?php
require __DIR__ . '/user.inc';

foreach (['1', '0'] as $locking) {
    ini_set('rustredis.locking', $locking);
    foreach ([true, false] as $delete) {
        foreach ([1, 2] as $limit) {
            foreach (['oldest', 'refuse'] as $on_limit) {
                $case = "locking=$locking, " . json_encode($delete) . ", limit $limit, $on_limit";
                $old = login($user = new_user());
                start($old);
                session_regenerate_id($delete);
                $bound = rustredis_user($user, $limit, $on_limit);
                $got = warnings_of(fn () => session_write_close());
                same("$case: the login", [true, []], [$bound, $got]);
                $new = session_id();
                same('the ids', [true, !$delete], [lives($new), lives($old)]);
                $listed = $delete ? [$new] : [$new, $old];
                sort($listed, SORT_STRING);
                poll('the list', fn () => array_keys(on_list($user)) === $listed);
                rustredis_revoke($user);
            }
        }
    }
    // All others count.
    $old = login($user = new_user());
    $other = login($user);
    start($old);
    session_regenerate_id(false);
    same('beside another one', false, rustredis_user($user, 1, 'refuse'));
    same('the oldest ends', true, rustredis_user($user, 1));
    session_write_close();
    same('alone', [true, true, false], [lives(session_id()), lives($old), lives($other)]);
    rustredis_revoke($user);
}
--EXPECT--
ok: locking=1, true, limit 1, oldest: the login
ok: the ids
ok: locking=1, true, limit 1, refuse: the login
ok: the ids
ok: locking=1, true, limit 2, oldest: the login
ok: the ids
ok: locking=1, true, limit 2, refuse: the login
ok: the ids
ok: locking=1, false, limit 1, oldest: the login
ok: the ids
ok: locking=1, false, limit 1, refuse: the login
ok: the ids
ok: locking=1, false, limit 2, oldest: the login
ok: the ids
ok: locking=1, false, limit 2, refuse: the login
ok: the ids
ok: beside another one
ok: the oldest ends
ok: alone
ok: locking=0, true, limit 1, oldest: the login
ok: the ids
ok: locking=0, true, limit 1, refuse: the login
ok: the ids
ok: locking=0, true, limit 2, oldest: the login
ok: the ids
ok: locking=0, true, limit 2, refuse: the login
ok: the ids
ok: locking=0, false, limit 1, oldest: the login
ok: the ids
ok: locking=0, false, limit 1, refuse: the login
ok: the ids
ok: locking=0, false, limit 2, oldest: the login
ok: the ids
ok: locking=0, false, limit 2, refuse: the login
ok: the ids
ok: beside another one
ok: the oldest ends
ok: alone
