--TEST--
session_reset() takes a new id, as validateId() of a class finds nothing stored: the new one is locked, the old one is not
--INI--
session.use_strict_mode=1
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class Validates extends SessionHandler implements SessionUpdateTimestampHandlerInterface
{
    public function validateId(string $id): bool
    {
        return parent::read($id) !== '';
    }

    public function updateTimestamp(string $id, string $data): bool
    {
        return parent::write($id, $data);
    }
}
session_set_save_handler(new Validates());
session_start();
$old = session_id();
same('a new session is locked', true, is_locked($old));
session_reset();
$id = session_id();
ok('it has another id', $id !== $old, $id);
same('which is locked, alone', [true, false], [is_locked($id), is_locked($old)]);
// The lock gets lost, and another request has its turn.
redis()->del(lock_key($id));
redis()->set(data_key($id), 'n|i:2;');
$_SESSION['n'] = 10;
$got = warnings_of(fn () => session_write_close());
ok('it is said', (bool) preg_grep('/rustredis: .*lost its lock/', $got), $got);
same('nothing is written over it', 'n|i:2;', redis()->get(data_key($id)));
same('no lock is left', [false, false], [is_locked($id), is_locked($old)]);
--EXPECT--
ok: a new session is locked
ok: it has another id
ok: which is locked, alone
ok: it is said
ok: nothing is written over it
ok: no lock is left
