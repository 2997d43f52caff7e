--TEST--
SessionHandler itself as a user handler behaves like the native one
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

session_set_save_handler(new SessionHandler());
$id = new_id();
store_session($id, ['n' => 1]);
same('it starts', true, start($id));
same('the values are there', ['n' => 1], $_SESSION);
same('the lock is held', true, is_locked($id));
$_SESSION['n'] = 2;
same('it closes', true, session_write_close());
same('the change is stored', 'n|i:2;', redis()->get(data_key($id)));
same('the lock is gone', false, is_locked($id));
start($id);
session_write_close();
ok('unchanged: still there, with a fresh TTL', redis()->ttl(data_key($id)) > 1400);
same('no lock is left', false, is_locked($id));
--EXPECT--
ok: it starts
ok: the values are there
ok: the lock is held
ok: it closes
ok: the change is stored
ok: the lock is gone
ok: unchanged: still there, with a fresh TTL
ok: no lock is left
