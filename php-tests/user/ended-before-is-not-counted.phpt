--TEST--
a session on a list that has ended before is not counted, and keeps the reason of its end; a request that still has it does not store it again
--INI--
session.gc_maxlifetime=1800
--FILE--
<?php
require __DIR__ . '/user.inc';

/** Lets the place of a session be as old as that of a running login never is, and the session be gone. */
function lose(string $user, string $id): void
{
    redis()->hset(list_key($user), $id, (now() - 60_000) . '|' . (now() + 3_000_000));
    redis()->del(data_key($id));
}

/** The number of sessions that this process has ended as revoked or beyond a limit. */
function ended(): int
{
    preg_match_all('/^rustredis_sessions_ended_total\{[^}]*reason="(?:revoked|limit)"[^}]*\} (\d+)/m', rustredis_metrics(), $m);
    return (int) array_sum($m[1]);
}

$ways = [
    'a revocation' => fn (string $user) => rustredis_revoke($user),
    'a limit of 1' => fn (string $user) => (int) (login($user, 1) === null),
    'a limit of 2' => fn (string $user) => (int) (!login($user, 2) || !login($user, 2)),
    'a refusal' => fn (string $user) => (int) (login($user, 1, 'refuse') === null),
];
foreach ([null, 'logout', 'revoked', 'limit', 'absolute', 'idle'] as $reason) {
    foreach ($ways as $way => $end) {
        lose($user = new_user(), $id = login($user));
        if ($reason !== null) {
            redis()->set(side_key($id, 'STATE'), "dead|$reason|" . (now() - 60_000) . '|x', 'PX', 300_000);
        }
        $before = ended();
        same(($reason ?? 'not used') . ", $way: nothing is counted", [0, $before], [$end($user), ended()]);
        poll('the list', fn () => !isset(on_list($user)[$id]));
        start($id, ['read_and_close' => true]);
        same('the reason stays', $reason ?? 'idle', rustredis_ended());
    }
}
$ends = [
    'a revocation' => 'rustredis_revoke($user);',
    'a limit of 1' => '$login(1);',
    'a limit of 2' => '$login(2); $login(2);',
    'a refusal' => '$login(1, "refuse");',
];
foreach ($ends as $way => $code) {
    start($id = login($user = new_user()));
    lose($user, $id);
    Child::run('$user = $argv[1];
        $login = function (int $limit, string $on_limit = "oldest") use ($user) {
            start(new_id());
            rustredis_user($user, $limit, $on_limit);
            session_write_close();
        };' . $code, [$user])->output();
    $_SESSION['n'] = 1;
    $got = warnings_of(fn () => session_write_close());
    check_warnings("$way beside a request", $got, [['destroyed it'], WRITE_FAILED], $id);
    same('it is not stored', false, lives($id));
}
// A session that is gone a moment after its login is no login that is still running.
foreach (['1', '0'] as $locking) {
    ini_set('rustredis.locking', $locking);
    foreach ([1, 2] as $limit) {
        for ($i = 0, $user = new_user(); $i < $limit; $i++) {
            redis()->del(data_key($id = login($user)));
        }
        ok("locking=$locking, gone at once, a limit of $limit", login($user, $limit, 'refuse') !== null);
        same('it is marked', 'idle', reason_of($id));
    }
    // A login under the id of a session of the same user that was not used looks nearly the same.
    set_state($id = login($user = new_user()), ['bumped' => now() - 1500]);
    redis()->del(data_key($id), list_key($user));
    $child = Child::run('start($argv[1]); rustredis_user($argv[2]); $_SESSION["n"] = 1; say("in"); hear();
        echo json_encode(warnings_of(fn () => session_write_close()));', [$id, $user], ['rustredis.locking' => $locking]);
    $child->line();
    same('a login that is running', null, login($user, 1, 'refuse'));
    $child->tell('go');
    same('is stored', ['[]', true], [$child->output(), lives($id)]);
}
--EXPECT--
ok: not used, a revocation: nothing is counted
ok: the reason stays
ok: not used, a limit of 1: nothing is counted
ok: the reason stays
ok: not used, a limit of 2: nothing is counted
ok: the reason stays
ok: not used, a refusal: nothing is counted
ok: the reason stays
ok: logout, a revocation: nothing is counted
ok: the reason stays
ok: logout, a limit of 1: nothing is counted
ok: the reason stays
ok: logout, a limit of 2: nothing is counted
ok: the reason stays
ok: logout, a refusal: nothing is counted
ok: the reason stays
ok: revoked, a revocation: nothing is counted
ok: the reason stays
ok: revoked, a limit of 1: nothing is counted
ok: the reason stays
ok: revoked, a limit of 2: nothing is counted
ok: the reason stays
ok: revoked, a refusal: nothing is counted
ok: the reason stays
ok: limit, a revocation: nothing is counted
ok: the reason stays
ok: limit, a limit of 1: nothing is counted
ok: the reason stays
ok: limit, a limit of 2: nothing is counted
ok: the reason stays
ok: limit, a refusal: nothing is counted
ok: the reason stays
ok: absolute, a revocation: nothing is counted
ok: the reason stays
ok: absolute, a limit of 1: nothing is counted
ok: the reason stays
ok: absolute, a limit of 2: nothing is counted
ok: the reason stays
ok: absolute, a refusal: nothing is counted
ok: the reason stays
ok: idle, a revocation: nothing is counted
ok: the reason stays
ok: idle, a limit of 1: nothing is counted
ok: the reason stays
ok: idle, a limit of 2: nothing is counted
ok: the reason stays
ok: idle, a refusal: nothing is counted
ok: the reason stays
ok: a revocation beside a request
ok: it is not stored
ok: a limit of 1 beside a request
ok: it is not stored
ok: a limit of 2 beside a request
ok: it is not stored
ok: a refusal beside a request
ok: it is not stored
ok: locking=1, gone at once, a limit of 1
ok: it is marked
ok: locking=1, gone at once, a limit of 2
ok: it is marked
ok: a login that is running
ok: is stored
ok: locking=0, gone at once, a limit of 1
ok: it is marked
ok: locking=0, gone at once, a limit of 2
ok: it is marked
ok: a login that is running
ok: is stored
