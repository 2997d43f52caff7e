--TEST--
Redis reaches its maxmemory before the write: the stored session stays, the lock is freed
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$server = RedisServer::start(['--maxmemory-policy', 'noeviction']);
ini_set('session.save_path', $server->save_path());
$id = new_id();
store_session($id, ['n' => 1], 1440, $server->resp());
start($id);
$_SESSION['n'] = str_repeat('x', 1000);
$server->resp()->config('SET', 'maxmemory', '1');
$got = warnings_of(function () use (&$result) {
    $result = session_write_close();
});
same('session_write_close() is true as ever', true, $result);
check_warnings('the warning', $got, [['^session_write_close\(\): rustredis: ', 'OOM|memory', 'maxmemory'], WRITE_FAILED], $id);
same('the stored session stays', 'n|i:1;', $server->resp()->get(data_key($id)));
same('the lock is gone', false, is_locked($id, $server->resp()));
$server->resp()->config('SET', 'maxmemory', '0');
same('the next start works', true, start($id));
--EXPECT--
ok: session_write_close() is true as ever
ok: the warning
ok: the stored session stays
ok: the lock is gone
ok: the next start works
