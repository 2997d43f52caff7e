--TEST--
strict mode: a destroyed id is unknown
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
session_destroy();
start($id);
ok('the id is replaced', session_id() !== $id);
same('the session is empty', [], $_SESSION);
--EXPECT--
ok: the id is replaced
ok: the session is empty
