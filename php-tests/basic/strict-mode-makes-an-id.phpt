--TEST--
strict mode: without an id a new one is made
--INI--
session.use_strict_mode=1
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

same('it starts', true, session_start());
$id = session_id();
same('the lock is held', true, is_locked($id));
$_SESSION['n'] = 1;
session_write_close();
same('the session is stored', 'n|i:1;', redis()->get(data_key($id)));
start($id);
same('and known from now on', $id, session_id());
--EXPECT--
ok: it starts
ok: the lock is held
ok: the session is stored
ok: and known from now on
