--TEST--
a handle names its session also while that changes its id, and after it, and one session counts once
--FILE--
<?php
require __DIR__ . '/user.inc';

/** Another process, which ends the session with this handle, or all. */
$revokes = fn (string $user, ?string $handle) => (int) Child::run(
    'echo rustredis_revoke($argv[1], handle: $argv[2] ?: null);',
    [$user, (string) $handle],
)->output();
foreach ([[true, '10', '1'], [true, '10', '0'], [false, '10', '1'], [false, '0', '1']] as [$delete, $grace, $locking]) {
    ini_set('rustredis.locking', $locking);
    ini_set('rustredis.regenerate_grace', $grace);
    // Without a grace, the first id would be a session of its own from the second change on.
    foreach ($grace === '0' ? [1] : [1, 2] as $changes) {
        foreach (['the handle', 'all'] as $what) {
            $case = "$what, $changes, regenerate_id(" . json_encode($delete) . "), grace $grace, locking $locking";
            $old = login($user = new_user());
            $other = login($user);
            start($old);
            for ($i = 0; $i < $changes; $i++) {
                session_regenerate_id($delete);
            }
            $_SESSION['n'] = 2;
            $got = $revokes($user, $what === 'all' ? null : handle($old));
            $saved = warnings_of(fn () => session_write_close());
            // After some seconds the list tells it, which a late save asks once more.
            ok("$case: told", preg_match('/another request (destroyed|has ended) it/', $saved[0] ?? '') === 1, $saved);
            same($case, [$what === 'all' ? 2 : 1, false, $what !== 'all'], [$got, lives(session_id()), lives($other)]);
        }
    }
}
ini_set('rustredis.regenerate_grace', '10');
$old = login($user = new_user());
start($old);
session_regenerate_id(true);
session_write_close();
same('after the change of the id', [1, false], [$revokes($user, handle($old)), lives(session_id())]);
--EXPECT--
ok: the handle, 1, regenerate_id(true), grace 10, locking 1: told
ok: the handle, 1, regenerate_id(true), grace 10, locking 1
ok: all, 1, regenerate_id(true), grace 10, locking 1: told
ok: all, 1, regenerate_id(true), grace 10, locking 1
ok: the handle, 2, regenerate_id(true), grace 10, locking 1: told
ok: the handle, 2, regenerate_id(true), grace 10, locking 1
ok: all, 2, regenerate_id(true), grace 10, locking 1: told
ok: all, 2, regenerate_id(true), grace 10, locking 1
ok: the handle, 1, regenerate_id(true), grace 10, locking 0: told
ok: the handle, 1, regenerate_id(true), grace 10, locking 0
ok: all, 1, regenerate_id(true), grace 10, locking 0: told
ok: all, 1, regenerate_id(true), grace 10, locking 0
ok: the handle, 2, regenerate_id(true), grace 10, locking 0: told
ok: the handle, 2, regenerate_id(true), grace 10, locking 0
ok: all, 2, regenerate_id(true), grace 10, locking 0: told
ok: all, 2, regenerate_id(true), grace 10, locking 0
ok: the handle, 1, regenerate_id(false), grace 10, locking 1: told
ok: the handle, 1, regenerate_id(false), grace 10, locking 1
ok: all, 1, regenerate_id(false), grace 10, locking 1: told
ok: all, 1, regenerate_id(false), grace 10, locking 1
ok: the handle, 2, regenerate_id(false), grace 10, locking 1: told
ok: the handle, 2, regenerate_id(false), grace 10, locking 1
ok: all, 2, regenerate_id(false), grace 10, locking 1: told
ok: all, 2, regenerate_id(false), grace 10, locking 1
ok: the handle, 1, regenerate_id(false), grace 0, locking 1: told
ok: the handle, 1, regenerate_id(false), grace 0, locking 1
ok: all, 1, regenerate_id(false), grace 0, locking 1: told
ok: all, 1, regenerate_id(false), grace 0, locking 1
ok: after the change of the id