--TEST--
php-fpm: the master has no thread and no connection, before and after its workers have
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$pool = new FpmPool('session_start(); echo json_encode(rustredis_status());', [], 2);
$threads = fn (int $pid) => count(glob("/proc/$pid/task/*"));
same('before', 1, $threads($pool->pid));
$status = json_decode($pool->get()->body, true);
ok('a worker has served a session', ($status['starts'] ?? 0) === 1, $status);
same('after', 1, $threads($pool->pid));
same('the pool belongs to the worker', false, $status['pid'] === $pool->pid);
--EXPECT--
ok: before
ok: a worker has served a session
ok: after
ok: the pool belongs to the worker
