--TEST--
a strict subclass that looks at a stored session and turns its id away: its lock goes back, and the new session has its own
--INI--
session.use_strict_mode=1
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class TurnsAway extends SessionHandler implements SessionUpdateTimestampHandlerInterface
{
    public function validateId(string $id): bool
    {
        same('it is there', 'n|i:1;', parent::read($id));
        return false;
    }

    public function updateTimestamp(string $id, string $data): bool
    {
        return parent::write($id, $data);
    }
}
session_set_save_handler(new TurnsAway());
$id = new_id();
store_session($id, ['n' => 1]);
start($id);
same('another id', false, session_id() === $id);
same('the locks', [false, true], [is_locked($id), is_locked(session_id())]);
$_SESSION['n'] = 2;
session_write_close();
same('both are there', ['n|i:1;', 'n|i:2;'], [redis()->get(data_key($id)), redis()->get(data_key(session_id()))]);
same('no lock is left', false, is_locked(session_id()));
--EXPECT--
ok: it is there
ok: another id
ok: the locks
ok: both are there
ok: no lock is left
