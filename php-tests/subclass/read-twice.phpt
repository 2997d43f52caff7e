--TEST--
a subclass that reads twice does not wait for its own lock
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class ReadsTwice extends SessionHandler
{
    public function read(string $id): string|false
    {
        parent::read($id);
        return parent::read($id);
    }
}
session_set_save_handler(new ReadsTwice());
$id = new_id();
store_session($id, ['n' => 1]);
$time = seconds(function () use ($id) {
    same('it starts', true, start($id));
});
ok('at once', $time < 5, $time);
same('the values are there', ['n' => 1], $_SESSION);
$_SESSION['n'] = 2;
session_write_close();
same('a change is stored', 'n|i:2;', redis()->get(data_key($id)));
same('the lock is gone', false, is_locked($id));
--EXPECT--
ok: it starts
ok: at once
ok: the values are there
ok: a change is stored
ok: the lock is gone
