--TEST--
Redis dies while a request waits for the lock: one warning within the timeouts
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$server = RedisServer::start();
$id = new_id();
$server->resp()->set(lock_key($id), foreign_token(), 'PX', 60000);
$child = Child::run('say(var_export(start($argv[1]), true));', [$id], [
    'session.save_path' => $server->save_path(), 'rustredis.connect_timeout' => 1, 'rustredis.read_timeout' => 1, 'rustredis.lock_wait' => 5,
]);
poll('the waiter', fn () => $server->resp()->zcard(data_key($id) . '_WAITERS') === 1);
$server->kill();
same('session_start() is false', 'false', $child->line(15));
$output = $child->output();
same('one warning of ours', 1, substr_count($output, 'rustredis: '));
ok('with the address', str_contains($output, $server->address()), $output);
same('one of PHP', 1, substr_count($output, 'Failed to read session data'));
--EXPECT--
ok: session_start() is false
ok: one warning of ours
ok: with the address
ok: one of PHP
