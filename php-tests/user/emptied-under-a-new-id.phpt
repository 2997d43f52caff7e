--TEST--
a session that goes on under a new id without any of its values has no user any more
--FILE--
<?php
require __DIR__ . '/user.inc';

foreach (['1', '0'] as $locking) {
    ini_set('rustredis.locking', $locking);
    foreach ([true, false] as $delete) {
        $case = "locking $locking, regenerate_id(" . json_encode($delete) . ')';
        $user = new_user();
        start($old = login($user));
        $_SESSION = [];
        session_regenerate_id($delete);
        $_SESSION['lang'] = 'fr';
        same("$case: nobody in the open session", [null, []], [rustredis_session()['user'] ?? null, rustredis_user_sessions()]);
        session_write_close();
        poll('the list', fn () => on_list($user) === []);
        start(session_id());
        same("$case: nor in the stored one", [['lang' => 'fr'], null], [$_SESSION, rustredis_session()['user'] ?? null]);
        session_abort();

        start(login(new_user()));
        $_SESSION = [];
        rustredis_user($user);
        session_regenerate_id($delete);
        $_SESSION['user'] = $user;
        session_write_close();
        poll('the list', fn () => array_keys(on_list($user)) === [session_id()]);
        start(session_id());
        same("$case: a login in the same request stays", list_name($user), rustredis_session()['user']);
        session_abort();

        start(login($user));
        session_regenerate_id($delete);
        $_SESSION = ['user' => $user];
        session_write_close();
        start(session_id());
        same("$case: and so does a session that keeps its values", list_name($user), rustredis_session()['user']);
        session_abort();
    }
}
--EXPECT--
ok: locking 1, regenerate_id(true): nobody in the open session
ok: locking 1, regenerate_id(true): nor in the stored one
ok: locking 1, regenerate_id(true): a login in the same request stays
ok: locking 1, regenerate_id(true): and so does a session that keeps its values
ok: locking 1, regenerate_id(false): nobody in the open session
ok: locking 1, regenerate_id(false): nor in the stored one
ok: locking 1, regenerate_id(false): a login in the same request stays
ok: locking 1, regenerate_id(false): and so does a session that keeps its values
ok: locking 0, regenerate_id(true): nobody in the open session
ok: locking 0, regenerate_id(true): nor in the stored one
ok: locking 0, regenerate_id(true): a login in the same request stays
ok: locking 0, regenerate_id(true): and so does a session that keeps its values
ok: locking 0, regenerate_id(false): nobody in the open session
ok: locking 0, regenerate_id(false): nor in the stored one
ok: locking 0, regenerate_id(false): a login in the same request stays
ok: locking 0, regenerate_id(false): and so does a session that keeps its values
