--TEST--
a SessionHandler subclass that writes twice before it closes: the last value stays
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class Twice extends SessionHandler
{
    public array $results = [];

    public function write(string $id, string $data): bool
    {
        $this->results[] = parent::write($id, 'first|i:1;');
        $this->results[] = parent::write($id, $data);
        return end($this->results);
    }
}
$handler = new Twice();
session_set_save_handler($handler);
$id = new_id();
start($id);
$_SESSION['second'] = 2;
$got = warnings_of(fn () => session_write_close());
same('no warning', [], $got);
same('both writes succeed', [true, true], $handler->results);
same('the second value is stored', 'second|i:2;', redis()->get(data_key($id)));
same('the lock is gone', false, is_locked($id));
--EXPECT--
ok: no warning
ok: both writes succeed
ok: the second value is stored
ok: the lock is gone
