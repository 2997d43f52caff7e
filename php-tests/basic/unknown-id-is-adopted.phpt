--TEST--
without strict mode an unknown id is adopted
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
same('it starts', true, start($id));
same('the id stays', $id, session_id());
same('the session is empty', [], $_SESSION);
$_SESSION['n'] = 1;
session_write_close();
same('it is stored under that id', 'n|i:1;', redis()->get(data_key($id)));
--EXPECT--
ok: it starts
ok: the id stays
ok: the session is empty
ok: it is stored under that id
