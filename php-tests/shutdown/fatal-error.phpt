--TEST--
a fatal error with an open session stores it
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
$child = Child::plain('session_id($argv[1]); session_start(); $_SESSION["n"] = 1; trigger_error("boom", E_USER_ERROR);', [$id]);
ok('PHP reports the error', str_contains($output = $child->output(), 'Fatal error: boom') && !str_contains($output, 'rustredis'), $output);
same('the session is stored', 'n|i:1;', redis()->get(data_key($id)));
same('the lock is gone', false, is_locked($id));
--EXPECT--
ok: PHP reports the error
ok: the session is stored
ok: the lock is gone
