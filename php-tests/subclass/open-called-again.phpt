--TEST--
a subclass that calls parent::open() twice opens one session
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class OpensTwice extends SessionHandler
{
    public function open(string $path, string $name): bool
    {
        return parent::open($path, $name) && parent::open($path, $name);
    }
}
session_set_save_handler(new OpensTwice());
$id = new_id();
same('it starts', true, start($id));
$_SESSION['n'] = 1;
session_write_close();
same('it is stored', 'n|i:1;', redis()->get(data_key($id)));
same('the lock is gone', false, is_locked($id));
--EXPECT--
ok: it starts
ok: it is stored
ok: the lock is gone
