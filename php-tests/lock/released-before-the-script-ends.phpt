--TEST--
session_write_close() frees the session for others while the script goes on
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
$child = Child::run('start($argv[1]); $_SESSION["n"] = 1; session_write_close(); say("closed"); hear();', [$id]);
$child->line();
same('no lock', false, is_locked($id));
same('it starts here', true, start($id));
same('with the value', ['n' => 1], $_SESSION);
$child->tell('end');
same('the other ends', '', $child->output());
same('our lock is still held', true, is_locked($id));
--EXPECT--
ok: no lock
ok: it starts here
ok: with the value
ok: the other ends
ok: our lock is still held
