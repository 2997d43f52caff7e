--TEST--
a logout by a request that has read its session before another one moved it ends the session or, without a user, fails
--FILE--
<?php
require __DIR__ . '/user.inc';

ini_set('session.use_strict_mode', '0');
ini_set('rustredis.locking', '0');
$copy = fn (string $id) => redis()->exists(side_key($id, 'OLD'));
/** Logs out: what session_destroy() returns, and its warnings. */
$logout = function () use (&$got): bool {
    $done = false;
    $got = warnings_of(function () use (&$done) {
        $done = session_destroy();
    });
    return $done;
};
/** Starts a session, which another request then moves: its next id. */
$moved = function (string $id, string $delete, ?callable $then = null): string {
    start($id);
    $then && $then();
    $code = 'start($argv[1]); session_regenerate_id(' . $delete . '); session_write_close(); echo session_id();';
    return Child::run($code, [$id], ['rustredis.locking' => 0])->output();
};
foreach (['true', 'false'] as $delete) {
    $kind = "regenerate_id($delete)";
    $old = login($user = new_user());
    $other = login($user);
    $new = $moved($old, $delete);
    same("$kind: a logout", [true, []], [$logout(), $got]);
    same('ends the session and its copy', [false, 'logout', 0], [lives($new), reason_of($new), $copy($old)]);
    poll('the list', fn () => array_keys(on_list($user)) === [$other]);
    same('and no other session', true, lives($other));

    store_session($old = new_id(), ['n' => 1]);
    $new = $moved($old, $delete);
    same('without a user', false, $logout());
    $expected = [['was not destroyed', 'may go on under the new id'], 'Session object destruction failed'];
    check_warnings('it says so', $got, $expected, $old);
    same('the copy has ended', [true, 0], [lives($new), $copy($old)]);

    $old = login($user = new_user());
    $next = new_user();
    $new = $moved($old, $delete, fn () => rustredis_user($next));
    same('with a login that comes to nothing', [true, []], [$logout(), $got]);
    same('the session has ended', [false, 0], [lives($new), $copy($old)]);
    poll('no list has it', fn () => on_list($user) === [] && on_list($next) === []);

    $old = login($user = new_user());
    start($old);
    same('unmoved', [true, []], [$logout(), $got]);
    same('it has ended', [false, 'logout', []], [lives($old), reason_of($old), rustredis_user_sessions($user)]);

    $old = login($user = new_user());
    start($old);
    Child::run('start($argv[1]); session_destroy();', [$old], ['rustredis.locking' => 0])->output();
    same('destroyed by another request', [true, []], [$logout(), $got]);
}
--EXPECT--
ok: regenerate_id(true): a logout
ok: ends the session and its copy
ok: and no other session
ok: without a user
ok: it says so
ok: the copy has ended
ok: with a login that comes to nothing
ok: the session has ended
ok: unmoved
ok: it has ended
ok: destroyed by another request
ok: regenerate_id(false): a logout
ok: ends the session and its copy
ok: and no other session
ok: without a user
ok: it says so
ok: the copy has ended
ok: with a login that comes to nothing
ok: the session has ended
ok: unmoved
ok: it has ended
ok: destroyed by another request
