--TEST--
a user logs in under the id of a session that has just ended, in every order of the calls
--FILE--
<?php
require __DIR__ . '/user.inc';

ini_set('session.use_cookies', '0');
ini_set('session.use_strict_mode', '0');
$calls = [
    'user' => fn ($user) => rustredis_user($user),
    'true' => fn () => session_regenerate_id(true),
    'false' => fn () => session_regenerate_id(false),
];
foreach (['logout', 'revocation'] as $end) {
    foreach (['user', 'user,true', 'user,false', 'true,user', 'false,user'] as $order) {
        foreach ([10, 0] as $grace) {
            foreach ([1, 0] as $locking) {
                ini_set('rustredis.regenerate_grace', $grace);
                ini_set('rustredis.locking', $locking);
                $user = new_user();
                start($id = new_id());
                $_SESSION['n'] = 1;
                rustredis_user($user);
                session_write_close();
                if ($end === 'logout') {
                    start($id);
                    session_destroy();
                } else {
                    rustredis_revoke($user);
                }
                start($id);
                $_SESSION['n'] = 2;
                foreach (explode(',', $order) as $call) {
                    $calls[$call]($user) || print "$call failed\n";
                }
                $saved = session_write_close();
                start(session_id());
                // Without a copy, session_regenerate_id(false) leaves the session under its old id, too.
                $count = $order === 'user,false' && $grace === 0 ? 2 : 1;
                same("$end, $order, $grace, $locking", [true, 2, true, $count], [$saved, $_SESSION['n'] ?? null,
                    rustredis_session()['user'] !== null, count(rustredis_user_sessions($user))]);
                session_write_close();
            }
        }
    }
}
--EXPECTREGEX--
(ok: [^\n]*\n?){40}
