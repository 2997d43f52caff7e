--TEST--
behind a subclass whose close() forgets its parent, each session has its lock while it runs, and no longer
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class Forgets extends SessionHandler
{
    public function close(): bool
    {
        return true;
    }
}
session_set_save_handler(new Forgets());

$ways = [
    'session_write_close' => fn () => session_write_close(),
    'session_abort' => fn () => session_abort(),
    'session_destroy' => fn () => session_destroy(),
    'read_and_close' => fn () => session_write_close() && session_start(['read_and_close' => true]),
];
foreach ($ways as $name => $end) {
    $id = new_id();
    store_session($id, ['n' => 1]);
    start($id);
    same("$name: it is locked", true, is_locked($id));
    $end();
    same("$name: the lock is gone", false, is_locked($id));
    same("$name: nothing is renewed", [], rustredis_status()['locks']);
}

foreach ([false, true] as $delete) {
    $name = 'session_regenerate_id(' . var_export($delete, true) . ')';
    $id = new_id();
    store_session($id, ['n' => 1]);
    start($id);
    $_SESSION['n'] = 2;
    session_regenerate_id($delete);
    $new = session_id();
    same("$name: the old lock is gone", false, is_locked($id));
    same("$name: the new session is locked", true, is_locked($new));
    session_write_close();
    same("$name: its lock is gone", false, is_locked($new));
    same("$name: it is stored", 'n|i:2;', redis()->get(data_key($new)));
}
--EXPECT--
ok: session_write_close: it is locked
ok: session_write_close: the lock is gone
ok: session_write_close: nothing is renewed
ok: session_abort: it is locked
ok: session_abort: the lock is gone
ok: session_abort: nothing is renewed
ok: session_destroy: it is locked
ok: session_destroy: the lock is gone
ok: session_destroy: nothing is renewed
ok: read_and_close: it is locked
ok: read_and_close: the lock is gone
ok: read_and_close: nothing is renewed
ok: session_regenerate_id(false): the old lock is gone
ok: session_regenerate_id(false): the new session is locked
ok: session_regenerate_id(false): its lock is gone
ok: session_regenerate_id(false): it is stored
ok: session_regenerate_id(true): the old lock is gone
ok: session_regenerate_id(true): the new session is locked
ok: session_regenerate_id(true): its lock is gone
ok: session_regenerate_id(true): it is stored
