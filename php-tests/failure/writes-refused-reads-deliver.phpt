--TEST--
Redis refuses writes, but has the session: whoever only reads it gets it
--SKIPIF--
<?php
require __DIR__ . '/../support/support.inc';
echo RedisServer::major_version() < 7 ? 'skip before Redis 7 scripts write although it refuses writes' : '';
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

/** Fails until the folder that is in the place of its file has gone. */
function refuse_to_save(RedisServer $server): void
{
    $resp = $server->resp();
    mkdir($resp->config('GET', 'dir')[1] . '/dump.rdb');
    $resp->config('SET', 'save', '3600 1000000');
    $resp->bgsave();
    poll('the failure', fn () => str_contains($resp->info('persistence'), 'rdb_last_bgsave_status:err'));
}

$cases = [
    'NOREPLICAS' => fn ($server) => $server->resp()->config('SET', 'min-replicas-to-write', '1'),
    'READONLY' => fn ($server) => $server->resp()->replicaof('127.0.0.1', '1'),
    'MISCONF' => refuse_to_save(...),
    'NOPERM' => fn ($server) => $server->resp()->acl('SETUSER', redis_user(), '-expire', '-set'),
];
$advice = ['NOREPLICAS' => 'min-replicas-to-write', 'READONLY' => 'primary', 'MISCONF' => 'log', 'NOPERM' => '\\+expire'];
foreach ($cases as $code => $refuse) {
    // A new connection shows that writes are refused, and is asked by scripts. One that was made before is asked by plain commands first.
    foreach (["$code, new" => false, "$code, connected" => true] as $what => $is_connected) {
        $server = RedisServer::start();
        store_session($id = new_id(), ['n' => 1], 1440, $server->resp());
        ini_set('session.save_path', $server->save_path());
        if ($is_connected) {
            start(new_id(), ['read_and_close' => true]);
        }
        $refuse($server);
        $found = [];
        $got = warnings_of(function () use ($id, &$found) {
            foreach ([1, 2] as $ignored) {
                $found[] = [start($id, ['read_and_close' => true]), $_SESSION];
            }
            ini_set('rustredis.locking', '0');
            $found[] = [start($id), $_SESSION];
            session_abort();
            ini_set('rustredis.locking', '1');
        });
        same("$what: without a lock", [array_fill(0, 3, [true, ['n' => 1]]), []], [$found, $got]);
        $got = warnings_of(function () use ($id, &$started) {
            ini_set('rustredis.lock_failure', 'readonly');
            $started = [start($id), $_SESSION];
            session_abort();
            ini_set('rustredis.lock_failure', 'fail');
        });
        same("$what: lock_failure=readonly", [true, ['n' => 1]], $started);
        $got = warnings_of(function () use ($id, &$started) {
            $started = start($id);
        });
        same("$what: no lock, no session", false, $started);
        check_warnings("$what: the warning", $got, [['rustredis: ', $code, $advice[$code]], READ_FAILED]);
    }
}
--EXPECT--
ok: NOREPLICAS, new: without a lock
ok: NOREPLICAS, new: lock_failure=readonly
ok: NOREPLICAS, new: no lock, no session
ok: NOREPLICAS, new: the warning
ok: NOREPLICAS, connected: without a lock
ok: NOREPLICAS, connected: lock_failure=readonly
ok: NOREPLICAS, connected: no lock, no session
ok: NOREPLICAS, connected: the warning
ok: READONLY, new: without a lock
ok: READONLY, new: lock_failure=readonly
ok: READONLY, new: no lock, no session
ok: READONLY, new: the warning
ok: READONLY, connected: without a lock
ok: READONLY, connected: lock_failure=readonly
ok: READONLY, connected: no lock, no session
ok: READONLY, connected: the warning
ok: MISCONF, new: without a lock
ok: MISCONF, new: lock_failure=readonly
ok: MISCONF, new: no lock, no session
ok: MISCONF, new: the warning
ok: MISCONF, connected: without a lock
ok: MISCONF, connected: lock_failure=readonly
ok: MISCONF, connected: no lock, no session
ok: MISCONF, connected: the warning
ok: NOPERM, new: without a lock
ok: NOPERM, new: lock_failure=readonly
ok: NOPERM, new: no lock, no session
ok: NOPERM, new: the warning
ok: NOPERM, connected: without a lock
ok: NOPERM, connected: lock_failure=readonly
ok: NOPERM, connected: no lock, no session
ok: NOPERM, connected: the warning
