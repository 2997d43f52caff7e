--TEST--
session_reset(), session_regenerate_id() and session_destroy() through a subclass
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class Plain extends SessionHandler
{
}
session_set_save_handler(new Plain());
$id = new_id();
store_session($id, ['n' => 1]);
start($id);
$_SESSION['n'] = 9;
same('reset works', true, session_reset());
same('the values are back', ['n' => 1], $_SESSION);
same('the lock is held', true, is_locked($id));
same('regenerate works', true, session_regenerate_id(true));
$new = session_id();
same('the old session is gone', null, redis()->get(data_key($id)));
session_write_close();
same('the new one is stored', 'n|i:1;', redis()->get(data_key($new)));
start($new);
same('destroy works', true, session_destroy());
same('it is gone', null, redis()->get(data_key($new)));
same('no lock is left', [false, false], [is_locked($id), is_locked($new)]);
--EXPECT--
ok: reset works
ok: the values are back
ok: the lock is held
ok: regenerate works
ok: the old session is gone
ok: the new one is stored
ok: destroy works
ok: it is gone
ok: no lock is left
