--TEST--
a login by a request whose session was ended, or moved, after it was read ends no session in return
--FILE--
<?php
require __DIR__ . '/user.inc';

ini_set('session.use_strict_mode', '0');
ini_set('rustredis.locking', '0');
$in_child = fn (string $code, string $id, string $user): string => Child::run(
    'start($argv[1]);' . $code . ' session_write_close(); echo session_id();',
    [$id, $user],
    ['rustredis.locking' => 0]
)->output();
$login = 'rustredis_user($argv[2], 1); $_SESSION["n"] = 2;';
foreach (['', 'a new session', 'a visitor'] as $came) {
    $user = new_user();
    $id = new_id();
    if ($came === 'a visitor') {
        store_session($id, ['n' => 1]);
    }
    if ($came !== '') {
        start($id);
        $_SESSION['n'] = 3;
    }
    // A double click on the login, of which this request has the second half.
    $in_child($login, $id, $user);
    $other = $in_child($login, new_id(), $user);
    if ($came === '') {
        start($id);
        same('one that was read after that end is another session', true, rustredis_user($user, 1));
        $_SESSION['n'] = 4;
        session_write_close();
        same('it ends the other one', [true, false], [lives($id), lives($other)]);
        continue;
    }
    $class = strtok(thrown(fn () => rustredis_user($user, 1)), ':');
    same("$came that was ended since gets no user", 'RustRedis\SessionDestroyedException', $class);
    warnings_of(fn () => session_write_close());
    same('and ends no other', [false, 'limit', true], [lives($id), reason_of($id), lives($other)]);
    same('the list has the other one', [$other], array_keys(on_list($user)));
}
foreach (['true', 'false'] as $delete) {
    start($id = login($user = new_user()));
    $_SESSION['n'] = 3;
    $new = $in_child("session_regenerate_id($delete);", $id, $user);
    $class = strtok(thrown(fn () => rustredis_user($user, 1)), ':');
    same("one that regenerate_id($delete) has moved gets no user", 'RustRedis\SessionDestroyedException', $class);
    warnings_of(fn () => session_write_close());
    same('and ends no other', [false, true], [lives($id), lives($new)]);
    same('the list has the next id', [$new], array_keys(on_list($user)));
}
--EXPECT--
ok: one that was read after that end is another session
ok: it ends the other one
ok: a new session that was ended since gets no user
ok: and ends no other
ok: the list has the other one
ok: a visitor that was ended since gets no user
ok: and ends no other
ok: the list has the other one
ok: one that regenerate_id(true) has moved gets no user
ok: and ends no other
ok: the list has the next id
ok: one that regenerate_id(false) has moved gets no user
ok: and ends no other
ok: the list has the next id
