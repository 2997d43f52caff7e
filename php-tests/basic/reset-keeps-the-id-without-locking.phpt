--TEST--
session_reset() in strict mode keeps the id of a session that is not stored yet, with locking off
--INI--
session.use_strict_mode=1
rustredis.locking=0
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

session_start();
$id = session_id();
$_SESSION['n'] = 5;
same('it works', true, session_reset());
same('the id stays', $id, session_id());
same('the session is empty again', [], $_SESSION);
session_write_close();
--EXPECT--
ok: it works
ok: the id stays
ok: the session is empty again
