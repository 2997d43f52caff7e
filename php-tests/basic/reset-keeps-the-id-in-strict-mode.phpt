--TEST--
session_reset() in strict mode keeps the id, also of a session that is not stored yet
--INI--
session.use_strict_mode=1
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

session_start();
$id = session_id();
$_SESSION['n'] = 1;
session_write_close();

start($id);
$_SESSION['n'] = 5;
same('it works', true, session_reset());
same('the id stays', $id, session_id());
same('the values are back', ['n' => 1], $_SESSION);
same('the lock is still held', true, is_locked($id));
session_write_close();
same('and released in the end', false, is_locked($id));
--EXPECT--
ok: it works
ok: the id stays
ok: the values are back
ok: the lock is still held
ok: and released in the end
