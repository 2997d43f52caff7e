--TEST--
a second write before close is refused when another request has taken the lock in between
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class Twice extends SessionHandler
{
    public array $results = [];

    public function write(string $id, string $data): bool
    {
        $this->results[] = parent::write($id, $data);
        redis()->set(lock_key($id), foreign_token(), 'PX', 30000);
        $this->results[] = parent::write($id, 'late|i:1;');
        return true;
    }
}
$handler = new Twice();
session_set_save_handler($handler);
$id = new_id();
start($id);
$_SESSION['n'] = 1;
$got = warnings_of(fn () => session_write_close());
same('the first write succeeds, the second does not', [true, false], $handler->results);
check_warnings('one warning', $got, [['rustredis: ', 'lock']], $id);
same('the first value stays', 'n|i:1;', redis()->get(data_key($id)));
same('the other lock is left alone', true, is_locked($id));
--EXPECT--
ok: the first write succeeds, the second does not
ok: one warning
ok: the first value stays
ok: the other lock is left alone
