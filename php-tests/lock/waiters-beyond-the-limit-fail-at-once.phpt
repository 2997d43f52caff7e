--TEST--
more waiters than rustredis.lock_max_waiters fail at once
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
start($id);
$settings = ['rustredis.lock_max_waiters' => 1, 'rustredis.lock_wait' => 10 * slowness()];
$first = Child::run('say((string) start($argv[1]));', [$id], $settings);
poll('the waiter', fn () => redis()->zcard(side_key($id, 'WAITERS')) === 1);
$second = Child::run('say(var_export(start($argv[1]), true));', [$id], $settings);
same('the second fails at once', 'false', $second->line(5));
$output = $second->output();
ok('and is told which setting', str_contains($output, 'rustredis: ') && str_contains($output, 'lock_max_waiters'), $output);
ok('without the whole id', !str_contains($output, $id));
session_write_close();
same('the first gets its turn', '1', $first->line());
same('and ends', '', $first->output());
--EXPECT--
ok: the second fails at once
ok: and is told which setting
ok: without the whole id
ok: the first gets its turn
ok: and ends
