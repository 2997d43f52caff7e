--TEST--
without the lock, a login is stored although another request has given the session its first state meanwhile
--FILE--
<?php
require __DIR__ . '/user.inc';

ini_set('rustredis.locking', '0');
ini_set('rustredis.absolute_timeout', '300');
foreach (['a login' => true, 'no login' => false] as $what => $has_user) {
    store_session($id = new_id(), ['n' => 1]);
    start($id);
    $_SESSION['n'] = 2;
    $user = new_user();
    $has_user && rustredis_user($user);
    Child::run('start($argv[1]); $_SESSION["n"] = 3; session_write_close();', [$id], ['rustredis.locking' => 0, 'rustredis.absolute_timeout' => 300])->output();
    session_write_close();
    start($id);
    same($what, [$has_user ? list_name($user) : null, ['n' => 2]], [rustredis_session()['user'], $_SESSION]);
    ok('and its end', abs(rustredis_session()['ends'] - time() - 300) <= 5 * slowness(), rustredis_session());
    session_write_close();
    same('and its list', $has_user ? [$id] : [], array_keys(on_list($user)));
}
--EXPECT--
ok: a login
ok: and its end
ok: and its list
ok: no login
ok: and its end
ok: and its list