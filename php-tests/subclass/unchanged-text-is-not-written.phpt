--TEST--
a handler class writes an unchanged session: only its TTL is refreshed; natively, and with a text of the class' own
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class Wraps extends SessionHandler
{
    public string $mark = '';

    public function read(string $id): string|false
    {
        return substr(parent::read($id), strlen($this->mark));
    }

    public function write(string $id, string $data): bool
    {
        return parent::write($id, $this->mark . $data);
    }
}
$handler = new Wraps();
session_set_save_handler($handler);
foreach (['', 'marked:'] as $handler->mark) {
    $id = new_id();
    redis()->set(data_key($id), $handler->mark . 'n|i:1;', 'EX', 100);
    start($id);
    // A client without locks.
    redis()->set(data_key($id), $handler->mark . 'n|i:7;', 'EX', 100);
    session_write_close();
    same('the other value stays', $handler->mark . 'n|i:7;', redis()->get(data_key($id)));
    ok('for longer', redis()->ttl(data_key($id)) > 1400);
    same('the lock is gone', false, is_locked($id));

    start($id);
    redis()->del(data_key($id));
    session_write_close();
    same('one that vanished is stored again', $handler->mark . 'n|i:7;', redis()->get(data_key($id)));

    start($id);
    $_SESSION['n'] = 8;
    session_write_close();
    same('a changed one is stored', $handler->mark . 'n|i:8;', redis()->get(data_key($id)));
}
--EXPECT--
ok: the other value stays
ok: for longer
ok: the lock is gone
ok: one that vanished is stored again
ok: a changed one is stored
ok: the other value stays
ok: for longer
ok: the lock is gone
ok: one that vanished is stored again
ok: a changed one is stored
