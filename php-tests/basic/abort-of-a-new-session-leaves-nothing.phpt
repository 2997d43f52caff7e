--TEST--
session_abort() of a new session leaves nothing
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
start($id);
$_SESSION['n'] = 2;
session_abort();
same('no key is left', [], redis()->keys(PREFIX . $id . '*'));
--EXPECT--
ok: no key is left
