--TEST--
session_gc() has nothing to do: Redis expires sessions itself
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

start(new_id());
same('it reports 0', 0, session_gc());
$_SESSION['n'] = 1;
session_write_close();
--EXPECT--
ok: it reports 0
