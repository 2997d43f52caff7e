--TEST--
exit() with an open session stores it
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
$child = Child::plain('session_id($argv[1]); session_start(); $_SESSION["n"] = 1; exit(3);', [$id]);
same('no output', '', $child->output());
same('the exit code stays', 3, $child->exit_code());
same('the session is stored', 'n|i:1;', redis()->get(data_key($id)));
same('the lock is gone', false, is_locked($id));
--EXPECT--
ok: no output
ok: the exit code stays
ok: the session is stored
ok: the lock is gone
