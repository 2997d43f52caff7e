--TEST--
an uncaught exception with an open session stores it
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
$child = Child::plain('session_id($argv[1]); session_start(); $_SESSION["n"] = 1; throw new Exception("boom");', [$id]);
ok('PHP reports the exception and nothing of ours', preg_match('/^PHP Fatal|^\s*Fatal error: Uncaught Exception: boom/', $output = $child->output()) && !str_contains($output, 'rustredis'), $output);
same('the session is stored', 'n|i:1;', redis()->get(data_key($id)));
same('the lock is gone', false, is_locked($id));
--EXPECT--
ok: PHP reports the exception and nothing of ours
ok: the session is stored
ok: the lock is gone
