--TEST--
a killed waiter does not keep the next one from its turn
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
start($id);
$first = Child::run('start($argv[1]); say("first");', [$id]);
poll('the first waiter', fn () => redis()->zcard(side_key($id, 'WAITERS')) === 1);
$second = Child::run('start($argv[1]); say("second");', [$id]);
poll('the second waiter', fn () => redis()->zcard(side_key($id, 'WAITERS')) === 2);
$first->kill();
$first->output();
session_write_close();
same('the second gets the lock', 'second', $second->line());
same('and ends', '', $second->output());
--EXPECT--
ok: the second gets the lock
ok: and ends
