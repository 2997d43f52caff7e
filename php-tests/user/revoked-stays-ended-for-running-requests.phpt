--TEST--
a session that was revoked, or that a limit has ended, stays ended whatever a request does that has it
--FILE--
<?php
require __DIR__ . '/user.inc';

$ends = [
    'revoked' => fn (string $user) => rustredis_revoke($user),
    'limit' => fn (string $user) => login($user, 1),
];
$uses = [
    'write' => '$_SESSION["n"] = 2; session_write_close();',
    'unchanged' => 'session_write_close();',
    'abort' => 'session_abort();',
    'regenerate' => 'session_regenerate_id(true); $_SESSION["n"] = 2; session_write_close();',
    'regenerate and keep' => 'session_regenerate_id(false); $_SESSION["n"] = 2; session_write_close();',
    'login' => 'rustredis_user($argv[2], 0, "oldest", "again"); session_write_close();',
];
foreach ([1, 0] as $locking) {
    foreach ($uses as $use => $code) {
        foreach ($ends as $reason => $end) {
            $user = new_user();
            $id = login($user);
            $child = Child::run('ini_set("rustredis.locking", "' . $locking . '"); start($argv[1]); say("running"); hear(); '
                . $code . ' say("end of " . session_id());', [$id, $user]);
            $child->line();
            $end($user);
            $child->tell('go');
            $output = $child->output();
            $new = preg_match('/end of (\S+)/', $output, $m) ? $m[1] : $id;
            $left = array_filter(array_keys(on_list($user)), fn (string $one) => $one === $id || $one === $new);
            $told = substr_count($output, 'rustredis: ') > 0;
            same("$use, locking $locking: $reason", [false, false, $reason, [], !in_array($use, ['abort', 'unchanged'], true)],
                [lives($id), lives($new), reason_of($id), $left, $told]);
        }
    }
}
--EXPECT--
ok: write, locking 1: revoked
ok: write, locking 1: limit
ok: unchanged, locking 1: revoked
ok: unchanged, locking 1: limit
ok: abort, locking 1: revoked
ok: abort, locking 1: limit
ok: regenerate, locking 1: revoked
ok: regenerate, locking 1: limit
ok: regenerate and keep, locking 1: revoked
ok: regenerate and keep, locking 1: limit
ok: login, locking 1: revoked
ok: login, locking 1: limit
ok: write, locking 0: revoked
ok: write, locking 0: limit
ok: unchanged, locking 0: revoked
ok: unchanged, locking 0: limit
ok: abort, locking 0: revoked
ok: abort, locking 0: limit
ok: regenerate, locking 0: revoked
ok: regenerate, locking 0: limit
ok: regenerate and keep, locking 0: revoked
ok: regenerate and keep, locking 0: limit
ok: login, locking 0: revoked
ok: login, locking 0: limit
