--TEST--
a login under an id that was logged out stays on the list of its user, whoever looks at the list meanwhile
--FILE--
<?php
require __DIR__ . '/user.inc';

ini_set('session.use_cookies', '0');
foreach (['user_sessions', 'refuse'] as $look) {
    $user = new_user();
    session_id($id = new_id());
    ini_set('session.use_strict_mode', '0');
    start($id);
    $_SESSION['n'] = 1;
    session_write_close();
    start($id);
    session_destroy();
    ok("$look: the mark of the logout", str_starts_with((string) redis()->get(side_key($id, 'STATE')), 'dead|logout|'));
    $child = Child::run('ini_set("session.use_strict_mode", 0); ini_set("session.use_cookies", 0); session_id($argv[1]); session_start();
        $_SESSION["user"] = $argv[2]; rustredis_user($argv[2]); say("listed"); hear(); session_write_close();', [$id, $user]);
    same("$look: the login", 'listed', $child->line());
    if ($look === 'refuse') {
        start(new_id());
        same('a limit counts it', false, rustredis_user($user, 1, 'refuse'));
        session_abort();
    } else {
        same('it is on its way', [], rustredis_user_sessions($user));
    }
    $child->tell('go');
    same("$look: the end", '', $child->output());
    same("$look: the list", [$id], array_keys(on_list($user)));
    same("$look: and it can be revoked", 1, rustredis_revoke($user));
    same("$look: the session", null, redis()->get(data_key($id)));
}
--EXPECTREGEX--
(ok: [^\n]*\n?){14}
