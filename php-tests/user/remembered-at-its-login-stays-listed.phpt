--TEST--
a session that gets longer lifetimes in the request of its login stays on the list of its user as long as it lives
--FILE--
<?php
require __DIR__ . '/user.inc';

ini_set('session.gc_maxlifetime', '100');
ini_set('session.use_strict_mode', '0');
/** True if a session stays on the list for as long as it lives. */
$is_covered = function (string $user, string $id): bool {
    [, $ends] = explode('|', redis()->hget(list_key($user), $id));
    return $ends / 1000 >= time() + redis()->ttl(PREFIX . $id);
};
$ways = [
    'a login, then a lifetime' => function ($user) {
        rustredis_user($user);
        rustredis_session_lifetime(7200);
    },
    'a lifetime, then a login' => function ($user) {
        rustredis_session_lifetime(7200);
        rustredis_user($user);
    },
    'a new id, a login, and a lifetime' => function ($user) {
        session_regenerate_id(true);
        rustredis_user($user);
        rustredis_session_lifetime(7200, 90000);
    },
];
foreach (['1', '0'] as $locking) {
    ini_set('rustredis.locking', $locking);
    foreach ($ways as $what => $way) {
        store_session($id = new_id(), ['n' => 1]);
        start($id);
        $way($user = new_user());
        $id = session_id();
        session_write_close();
        poll("locking=$locking, $what", fn () => $is_covered($user, $id));
        same("locking=$locking, $what: the session lives as long", 7200, redis()->ttl(PREFIX . $id));
        same('it is listed and can be revoked', [1, false], [rustredis_revoke($user), lives($id)]);
    }

    $id = login($user = new_user());
    start($id);
    session_regenerate_id(true);
    $id = session_id();
    rustredis_session_lifetime(7200);
    session_write_close();
    poll('a new id, then a lifetime', fn () => $is_covered($user, $id));
    same('a new id, then a lifetime: it can be revoked', [1, false], [rustredis_revoke($user), lives($id)]);
}
--EXPECT--
ok: locking=1, a login, then a lifetime: the session lives as long
ok: it is listed and can be revoked
ok: locking=1, a lifetime, then a login: the session lives as long
ok: it is listed and can be revoked
ok: locking=1, a new id, a login, and a lifetime: the session lives as long
ok: it is listed and can be revoked
ok: a new id, then a lifetime: it can be revoked
ok: locking=0, a login, then a lifetime: the session lives as long
ok: it is listed and can be revoked
ok: locking=0, a lifetime, then a login: the session lives as long
ok: it is listed and can be revoked
ok: locking=0, a new id, a login, and a lifetime: the session lives as long
ok: it is listed and can be revoked
ok: a new id, then a lifetime: it can be revoked
