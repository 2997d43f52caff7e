--TEST--
session_abort() hands the lock over too
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
start($id);
$child = Child::run('start($argv[1]); say(json_encode($_SESSION));', [$id]);
poll('the waiter', fn () => redis()->zcard(side_key($id, 'WAITERS')) === 1);
$_SESSION['n'] = 2;
session_abort();
same('the waiter sees the old value', '{"n":1}', $child->line());
same('and ends', '', $child->output());
--EXPECT--
ok: the waiter sees the old value
ok: and ends
