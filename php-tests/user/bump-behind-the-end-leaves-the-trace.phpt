--TEST--
a running request of a session that was revoked, or that a limit has ended, leaves no mark by which the next session under its id would end
--FILE--
<?php
require __DIR__ . '/user.inc';

$ends = [
    'revoked' => fn (string $user) => rustredis_revoke($user),
    'limit' => fn (string $user) => login($user, 1),
];
foreach (['1', '0'] as $locking) {
    foreach ($ends as $reason => $end) {
        $id = login($user = new_user());
        $child = Child::run('ini_set("rustredis.locking", "' . $locking . '"); start($argv[1]); say("running"); hear();
            rustredis_user_sessions(); session_abort();', [$id]);
        $child->line();
        $end($user);
        $child->tell('go');
        $child->output();
        same("$reason, locking=$locking", '~', redis()->hget(list_key($user), $id)[0]);

        // The visitor goes on under the id, and logs in.
        start($id);
        $_SESSION['basket'] = 1;
        session_write_close();
        rustredis_user_sessions($user);
        login($user);
        same('the next session under the id lives', true, lives($id));
        start($id);
        same('it logs in', [1, true], [$_SESSION['basket'] ?? null, rustredis_user($user)]);
        session_write_close();
        same('it is listed', true, isset(on_list($user)[$id]));
    }
}
--EXPECT--
ok: revoked, locking=1
ok: the next session under the id lives
ok: it logs in
ok: it is listed
ok: limit, locking=1
ok: the next session under the id lives
ok: it logs in
ok: it is listed
ok: revoked, locking=0
ok: the next session under the id lives
ok: it logs in
ok: it is listed
ok: limit, locking=0
ok: the next session under the id lives
ok: it logs in
ok: it is listed
