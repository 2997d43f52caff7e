--TEST--
after session_destroy() the same id can be started anew and is stored
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
start($id);
session_destroy();

same('it starts', true, start($id));
same('the session is empty', [], $_SESSION);
$_SESSION['n'] = 'new';
$got = warnings_of(fn () => session_write_close());
same('no warning', [], $got);
same('it is stored', 'n|s:3:"new";', redis()->get(data_key($id)));
start($id);
same('and comes back', ['n' => 'new'], $_SESSION);
--EXPECT--
ok: it starts
ok: the session is empty
ok: no warning
ok: it is stored
ok: and comes back
