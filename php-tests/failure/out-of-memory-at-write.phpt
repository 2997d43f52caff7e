--TEST--
Redis reaches its maxmemory before the write, or before session_regenerate_id(): the stored session stays, the lock is freed
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
session_write_close();
foreach (['1', '0'] as $locking) {
    ini_set('rustredis.locking', $locking);
    foreach ([true, false] as $delete) {
        $kind = "locking=$locking, session_regenerate_id(" . json_encode($delete) . ')';
        start($id);
        $server->resp()->config('SET', 'maxmemory', '1');
        $_SESSION['more'] = 1;
        $got = warnings_of(function () use (&$moved, $delete) { $moved = session_regenerate_id($delete); });
        ok("$kind is refused", $moved === false && str_contains(implode($got), 'OOM'), [$moved, $got]);
        session_status() === PHP_SESSION_ACTIVE && session_abort();
        same('the session stays', ['n|i:1;', false], [$server->resp()->get(data_key($id)), is_locked($id, $server->resp())]);
        $server->resp()->config('SET', 'maxmemory', '0');
    }
}
--EXPECT--
ok: session_write_close() is true as ever
ok: the warning
ok: the stored session stays
ok: the lock is gone
ok: the next start works
ok: locking=1, session_regenerate_id(true) is refused
ok: the session stays
ok: locking=1, session_regenerate_id(false) is refused
ok: the session stays
ok: locking=0, session_regenerate_id(true) is refused
ok: the session stays
ok: locking=0, session_regenerate_id(false) is refused
ok: the session stays
