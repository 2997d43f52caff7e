--TEST--
session_start() with the id of a stored session brings its values
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['user' => 'ada', 'roles' => ['admin', 'dev']]);
same('it starts', true, start($id));
same('the id stays', $id, session_id());
same('the values are there', ['user' => 'ada', 'roles' => ['admin', 'dev']], $_SESSION);
$_SESSION['user'] = 'grace';
session_write_close();
start($id);
same('a change comes back', 'grace', $_SESSION['user']);
same('the rest too', ['admin', 'dev'], $_SESSION['roles']);
--EXPECT--
ok: it starts
ok: the id stays
ok: the values are there
ok: a change comes back
ok: the rest too
