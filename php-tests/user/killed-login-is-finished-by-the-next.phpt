--TEST--
a login that is killed before it has ended its victims: the next login, list or revocation ends them, on several servers
--FILE--
<?php
require __DIR__ . '/user.inc';

// The list is on one server, and the sessions are on the other.
[$one, $other] = [RedisServer::start(), RedisServer::start()];
ini_set('session.save_path', $one->save_path('weight=1') . ', ' . $other->save_path('weight=1'));
[$lists, $sessions] = [$one->resp(), $other->resp()];
$is_on_other = fn (string $name) => unpack('V', $name)[1] % 2 === 0; // the last server comes first
$new_id = function () use ($is_on_other) {
    do {
        $id = new_id();
    } while (!$is_on_other($id));
    return $id;
};
$login = function (string $user, int $limit = 0) use ($new_id) {
    start($id = $new_id());
    $_SESSION['n'] = 1;
    rustredis_user($user, $limit);
    session_write_close();
    return $id;
};
$lives = fn (string $id) => $sessions->exists("PHPREDIS_SESSION:$id") === 1;
$finishers = [
    'a login' => fn (string $user) => $login($user),
    'a list' => fn (string $user) => rustredis_user_sessions($user),
    'a revocation' => fn (string $user) => rustredis_revoke($user, 'none'),
    'a refusal' => function (string $user) use ($new_id) {
        start($new_id());
        same('it is refused', false, rustredis_user($user, 1, 'refuse'));
        session_abort();
    },
];
foreach ($finishers as $what => $finish) {
    do {
        $user = new_user();
    } while ($is_on_other(list_name($user)));
    $list = 'PHPREDIS_SESSION:USER:' . list_name($user);
    [$a, $b] = [$login($user), $login($user)];
    $own = $new_id();
    $child = Child::run('start($argv[1]); $_SESSION["n"] = 1; say("in"); hear(); rustredis_user($argv[2], 1); say("never");', [$own, $user],
        ['session.save_path' => ini_get('session.save_path'), 'rustredis.lock_lease' => 1]);
    $child->line();
    $other->freeze();
    $child->tell('go');
    poll('the marks', fn () => preg_match_all('/-\d+\|/', implode(' ', $lists->hvals($list))) === 2);
    $child->kill();
    $other->thaw();
    $child->output();
    // The first victim may be gone: the child may have sent the command before it was killed.
    ok("before $what", $lives($a) || $lives($b));
    $new = $finish($user);
    same("after $what", [false, false], [$lives($a), $lives($b)]);
    same('they are off the list', array_filter([$own, is_string($new) ? $new : null]), poll('the list', function () use ($lists, $list, $a) {
        $values = array_combine($lists->hkeys($list), $lists->hvals($list));
        // Those that were ended have left a trace.
        $left = array_keys(array_filter($values, fn (string $value) => $value[0] !== '~'));
        return in_array($a, $left, true) ? false : $left;
    }));
}
--EXPECT--
ok: before a login
ok: after a login
ok: they are off the list
ok: before a list
ok: after a list
ok: they are off the list
ok: before a revocation
ok: after a revocation
ok: they are off the list
ok: before a refusal
ok: it is refused
ok: after a refusal
ok: they are off the list
