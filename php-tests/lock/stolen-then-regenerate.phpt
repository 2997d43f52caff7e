--TEST--
session_regenerate_id(true) after the lock was lost: what another request has stored stays, and a logout is carried out
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$handlers = [
    'native' => null,
    'a subclass' => new class extends SessionHandler {},
    'an object' => new RustRedis\SessionHandler(),
];
foreach ($handlers as $handler => $class) {
    $class && session_set_save_handler($class);
    foreach (['10', '0'] as $grace) {
        ini_set('rustredis.regenerate_grace', $grace);
        $id = new_id();
        store_session($id, ['n' => 1]);
        start($id);
        // Another request has had its turn.
        redis()->del(lock_key($id));
        store_session($id, ['n' => 2]);
        [$moved, $thrown] = [false, null];
        $got = warnings_of(function () use (&$moved, &$thrown) {
            try {
                $moved = session_regenerate_id(true);
            } catch (RustRedis\SessionException $thrown) {
            }
        });
        session_status() === PHP_SESSION_ACTIVE && session_abort();
        same("$handler, grace $grace: not moved", [false, 'n|i:2;', 0], [$moved, redis()->get(data_key($id)), redis()->exists(side_key($id, 'OLD'))]);
        $said = implode("\n", $got) . $thrown?->getMessage();
        ok('and it is said', str_contains($said, 'lost its lock'), $said);
        same('no lock is left', [false, []], [is_locked($id), rustredis_status()['locks']]);

        $id = new_id();
        store_session($id, ['user' => 7]);
        start($id);
        redis()->set(lock_key($id), $lock = foreign_token(), 'PX', 30000);
        $_SESSION = [];
        same("$handler, grace $grace: a logout", [true, 0, 0, $lock],
            [session_regenerate_id(true), redis()->exists(data_key($id)), redis()->exists(side_key($id, 'OLD')), redis()->get(lock_key($id))]);
        $new = session_id();
        session_write_close();
        same('the new session has no lock left', [false, false], [$new === $id, is_locked($new)]);
    }
}
--EXPECT--
ok: native, grace 10: not moved
ok: and it is said
ok: no lock is left
ok: native, grace 10: a logout
ok: the new session has no lock left
ok: native, grace 0: not moved
ok: and it is said
ok: no lock is left
ok: native, grace 0: a logout
ok: the new session has no lock left
ok: a subclass, grace 10: not moved
ok: and it is said
ok: no lock is left
ok: a subclass, grace 10: a logout
ok: the new session has no lock left
ok: a subclass, grace 0: not moved
ok: and it is said
ok: no lock is left
ok: a subclass, grace 0: a logout
ok: the new session has no lock left
ok: an object, grace 10: not moved
ok: and it is said
ok: no lock is left
ok: an object, grace 10: a logout
ok: the new session has no lock left
ok: an object, grace 0: not moved
ok: and it is said
ok: no lock is left
ok: an object, grace 0: a logout
ok: the new session has no lock left
