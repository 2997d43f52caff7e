--TEST--
the key vanishes while the session is open: a changed session is stored
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
start($id);
redis()->del(data_key($id));
$_SESSION['n'] = 2;
$got = warnings_of(fn () => session_write_close());
same('no warning', [], $got);
same('the session is stored', 'n|i:2;', redis()->get(data_key($id)));
--EXPECT--
ok: no warning
ok: the session is stored
