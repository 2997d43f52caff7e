--TEST--
a lock of phpredis is respected, and noticed soon when it is released
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
redis()->set(lock_key($id), 'old-host|99', 'PX', 60000);
$child = Child::run('say((string) start($argv[1])); say(json_encode($_SESSION));', [$id]);
poll('the waiter', fn () => redis()->zcard(side_key($id, 'WAITERS')) === 1);
ok('it waits', $child->is_silent());
redis()->set(data_key($id), 'n|i:2;', 'EX', 1000);
redis()->del(lock_key($id));
same('it starts', '1', $child->line(5));
same('with the new value', '{"n":2}', $child->line());
same('and ends', '', $child->output());
--EXPECT--
ok: it waits
ok: it starts
ok: with the new value
ok: and ends
