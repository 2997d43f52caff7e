--TEST--
a request under an id that has moved on, without a copy, cannot change the id: its cookie would replace that of the login
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

ini_set('session.use_strict_mode', '1');
/** An id that a session has left, and its next one. */
$moved = function (): array {
    store_session($old = new_id(), ['n' => 1]);
    start($old);
    session_regenerate_id(true);
    session_write_close();
    return [$old, session_id()];
};
$ways = [
    'no copy' => $moved,
    'moved again' => function () use ($moved): array {
        [$old, $new] = $moved();
        start($new);
        session_regenerate_id(true);
        session_write_close();
        return [$old, session_id()];
    },
];
foreach (['1', '0'] as $locking) {
    ini_set('rustredis.locking', $locking);
    foreach ($ways as $way => $make) {
        ini_set('rustredis.regenerate_grace', $way === 'no copy' ? '0' : '10');
        foreach ([true, false] as $delete) {
            [$old, $new] = $make();
            start($old);
            $seen = $_SESSION;
            $_SESSION['begun'] = 1;
            $is_new = null;
            $got = warnings_of(function () use ($delete, &$is_new) {
                $is_new = session_regenerate_id($delete);
            });
            same("locking=$locking, $way, regenerate_id(" . json_encode($delete) . ')', [[], false, $old], [$seen, $is_new, session_id()]);
            ok('it says so', str_contains($got[0] ?? '', 'another request moved it'), $got);
            @session_write_close();
            same('the session goes on', 'n|i:1;', redis()->get(data_key($new)));
        }
    }
}
--EXPECT--
ok: locking=1, no copy, regenerate_id(true)
ok: it says so
ok: the session goes on
ok: locking=1, no copy, regenerate_id(false)
ok: it says so
ok: the session goes on
ok: locking=1, moved again, regenerate_id(true)
ok: it says so
ok: the session goes on
ok: locking=1, moved again, regenerate_id(false)
ok: it says so
ok: the session goes on
ok: locking=0, no copy, regenerate_id(true)
ok: it says so
ok: the session goes on
ok: locking=0, no copy, regenerate_id(false)
ok: it says so
ok: the session goes on
ok: locking=0, moved again, regenerate_id(true)
ok: it says so
ok: the session goes on
ok: locking=0, moved again, regenerate_id(false)
ok: it says so
ok: the session goes on