--TEST--
a subclass that puts a prefix before the native id
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class Prefixed extends SessionHandler
{
    public function create_sid(): string
    {
        return 'shop-' . parent::create_sid();
    }
}
session_set_save_handler(new Prefixed());
same('it starts', true, session_start());
$id = session_id();
same('the id has the prefix', 1, preg_match('/^shop-[0-9a-f]{32}$/', $id));
same('the lock is that of the whole id', true, is_locked($id));
same('and of no other', [], redis()->keys(PREFIX . substr($id, 5) . '*'));
$_SESSION['n'] = 1;
session_write_close();
same('stored under the whole id', 'n|i:1;', redis()->get(data_key($id)));
same('the lock is gone', false, is_locked($id));
same('nothing under the native id', [], redis()->keys(PREFIX . substr($id, 5) . '*'));
--EXPECT--
ok: it starts
ok: the id has the prefix
ok: the lock is that of the whole id
ok: and of no other
ok: stored under the whole id
ok: the lock is gone
ok: nothing under the native id
