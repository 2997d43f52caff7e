--TEST--
an unchanged session that ended while the request ran, or moved to another id, is neither written back nor missed; a change is, and a login
--FILE--
<?php
require __DIR__ . '/../user/user.inc';

/** Ends a session in a process of its own, without its lock. */
function end_elsewhere(string $id, string $way): void
{
    $code = '$ways = [
        "destroyed" => fn () => session_destroy(),
        "moved" => fn () => session_regenerate_id(true),
        "moved, grace 0" => fn () => session_regenerate_id(true),
        "revoked" => fn () => rustredis_revoke(),
    ];
    start($argv[1]);
    $ways[$argv[2]]();
    session_status() === PHP_SESSION_ACTIVE && warnings_of(fn () => session_write_close());';
    $grace = $way === 'moved, grace 0' ? 0 : 10;
    Child::run($code, [$id, $way], ['rustredis.locking' => 0, 'rustredis.regenerate_grace' => $grace])->output();
}

/** Uses a session that ends meanwhile, and returns the warnings of its save. */
function used(string $way, callable $use): array
{
    start($GLOBALS['id'] = login($GLOBALS['user'] = new_user()));
    end_elsewhere($GLOBALS['id'], $way);
    $use();
    return warnings_of(fn () => session_write_close());
}

$changes = [
    'changed' => fn () => $_SESSION['n'] = 7,
    'a login' => fn () => rustredis_user(new_user()),
    'a lifetime' => fn () => rustredis_session_lifetime(77),
];
foreach (['0', '1'] as $locking) {
    ini_set('rustredis.locking', $locking);
    foreach (['destroyed', 'moved', 'moved, grace 0', 'revoked'] as $way) {
        $case = "locking=$locking, $way";
        same("$case: unchanged", [], used($way, fn () => null));
        same('it is not stored', [false, []], [lives($id), array_intersect([$id], array_keys(on_list($user)))]);
        foreach ($changes as $what => $use) {
            $refused = null;
            $got = used($way, function () use ($use, &$refused) {
                $refused = thrown($use);
            });
            if ($what === 'a login' && $locking === '0' && $way !== 'destroyed' && $way !== 'revoked') {
                // Without the lock, a login looks for a move.
                $told = str_starts_with($refused, 'RustRedis\\SessionDestroyedException') && str_contains($refused, 'moved it to a new id');
                ok("$case: $what", $told && $got === [], "$refused " . implode("\n", $got));
            } else {
                check_warnings("$case: $what", $got, [['destroyed it'], WRITE_FAILED], $id);
            }
            same('it is not stored', false, lives($id));
        }
    }
}
// A timeout that came after the session gives it a state in any case.
foreach (['0', '1'] as $locking) {
    ini_set('rustredis.locking', $locking);
    store_session($id = new_id(), ['n' => 1]);
    ini_set('rustredis.absolute_timeout', '1000');
    start($id);
    end_elsewhere($id, 'destroyed');
    same("locking=$locking, with a timeout", [], warnings_of(fn () => session_write_close()));
    same('it is not stored', [false, 'logout'], [lives($id), reason_of($id)]);
    ini_set('rustredis.absolute_timeout', '0');
}
// The answer to a deferred release comes with the next request. In a Cluster, no write is deferred.
ini_set('rustredis.write_ack', 'deferred');
ini_set('error_log', $log = temp_file('', '.log'));
$changes = ['unchanged' => fn () => null, 'changed' => fn () => $_SESSION['n'] = 7, 'a lifetime' => $changes['a lifetime']];
foreach ($changes as $what => $use) {
    store_session($id = new_id(), ['n' => 1]);
    start($id);
    end_elsewhere($id, 'destroyed');
    $use();
    file_put_contents($log, '');
    $told = implode("\n", warnings_of(fn () => session_write_close()));
    start(new_id());
    session_abort();
    $told .= file_get_contents($log);
    same("deferred, $what: what is told", (int) ($what !== 'unchanged'), substr_count($told, 'destroyed it'));
}
--EXPECT--
ok: locking=0, destroyed: unchanged
ok: it is not stored
ok: locking=0, destroyed: changed
ok: it is not stored
ok: locking=0, destroyed: a login
ok: it is not stored
ok: locking=0, destroyed: a lifetime
ok: it is not stored
ok: locking=0, moved: unchanged
ok: it is not stored
ok: locking=0, moved: changed
ok: it is not stored
ok: locking=0, moved: a login
ok: it is not stored
ok: locking=0, moved: a lifetime
ok: it is not stored
ok: locking=0, moved, grace 0: unchanged
ok: it is not stored
ok: locking=0, moved, grace 0: changed
ok: it is not stored
ok: locking=0, moved, grace 0: a login
ok: it is not stored
ok: locking=0, moved, grace 0: a lifetime
ok: it is not stored
ok: locking=0, revoked: unchanged
ok: it is not stored
ok: locking=0, revoked: changed
ok: it is not stored
ok: locking=0, revoked: a login
ok: it is not stored
ok: locking=0, revoked: a lifetime
ok: it is not stored
ok: locking=1, destroyed: unchanged
ok: it is not stored
ok: locking=1, destroyed: changed
ok: it is not stored
ok: locking=1, destroyed: a login
ok: it is not stored
ok: locking=1, destroyed: a lifetime
ok: it is not stored
ok: locking=1, moved: unchanged
ok: it is not stored
ok: locking=1, moved: changed
ok: it is not stored
ok: locking=1, moved: a login
ok: it is not stored
ok: locking=1, moved: a lifetime
ok: it is not stored
ok: locking=1, moved, grace 0: unchanged
ok: it is not stored
ok: locking=1, moved, grace 0: changed
ok: it is not stored
ok: locking=1, moved, grace 0: a login
ok: it is not stored
ok: locking=1, moved, grace 0: a lifetime
ok: it is not stored
ok: locking=1, revoked: unchanged
ok: it is not stored
ok: locking=1, revoked: changed
ok: it is not stored
ok: locking=1, revoked: a login
ok: it is not stored
ok: locking=1, revoked: a lifetime
ok: it is not stored
ok: locking=0, with a timeout
ok: it is not stored
ok: locking=1, with a timeout
ok: it is not stored
ok: deferred, unchanged: what is told
ok: deferred, changed: what is told
ok: deferred, a lifetime: what is told
