--TEST--
a session of a user that is revoked, or gives way to another login, ends with the copy under its earlier id
--FILE--
<?php
require __DIR__ . '/user.inc';

$copy = fn (string $id) => redis()->exists(side_key($id, 'OLD'));
foreach (['1', '0'] as $locking) {
    ini_set('rustredis.locking', $locking);
    foreach (['revoke', 'limit'] as $how) {
        $user = new_user();
        $old = login($user);
        start($old);
        session_regenerate_id(true);
        $new = session_id();
        session_write_close();
        same("locking=$locking, $how: a copy", [1, true], [$copy($old), lives($new)]);
        if ($how === 'revoke') {
            start(login($user));
            same('one is ended', 1, rustredis_revoke(others_only: true));
            session_write_close();
        } else {
            login($user, 1);
        }
        same('the session and its copy are gone', [false, 0], [lives($new), $copy($old)]);
        start($old, ['use_strict_mode' => 1]);
        same('a late request sees nothing of it', [$old, []], [session_id(), $_SESSION]);
        session_write_close();
        ini_set('session.use_strict_mode', '0');
    }
}
--EXPECT--
ok: locking=1, revoke: a copy
ok: one is ended
ok: the session and its copy are gone
ok: a late request sees nothing of it
ok: locking=1, limit: a copy
ok: the session and its copy are gone
ok: a late request sees nothing of it
ok: locking=0, revoke: a copy
ok: one is ended
ok: the session and its copy are gone
ok: a late request sees nothing of it
ok: locking=0, limit: a copy
ok: the session and its copy are gone
ok: a late request sees nothing of it
