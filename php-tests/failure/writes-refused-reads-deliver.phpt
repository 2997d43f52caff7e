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
    $server = RedisServer::start();
    store_session($id = new_id(), ['n' => 1], 1440, $server->resp());
    $refuse($server);
    $found = [];
    $got = warnings_of(function () use ($id, $server, &$found) {
        ini_set('session.save_path', $server->save_path());
        // The first session of a connection is asked for by scripts, later ones are not.
        foreach ([1, 2] as $ignored) {
            $found[] = [start($id, ['read_and_close' => true]), $_SESSION];
        }
        ini_set('rustredis.locking', '0');
        $found[] = [start($id), $_SESSION];
        session_abort();
        ini_set('rustredis.locking', '1');
    });
    same("$code: without a lock", [array_fill(0, 3, [true, ['n' => 1]]), []], [$found, $got]);
    $got = warnings_of(function () use ($id, &$started) {
        ini_set('rustredis.lock_failure', 'readonly');
        $started = [start($id), $_SESSION];
        session_abort();
        ini_set('rustredis.lock_failure', 'fail');
    });
    same("$code: lock_failure=readonly", [true, ['n' => 1]], $started);
    $got = warnings_of(function () use ($id, &$started) {
        $started = start($id);
    });
    same("$code: no lock, no session", false, $started);
    check_warnings("$code: the warning", $got, [['rustredis: ', $code, $advice[$code]], READ_FAILED]);
}
--EXPECT--
ok: NOREPLICAS: without a lock
ok: NOREPLICAS: lock_failure=readonly
ok: NOREPLICAS: no lock, no session
ok: NOREPLICAS: the warning
ok: READONLY: without a lock
ok: READONLY: lock_failure=readonly
ok: READONLY: no lock, no session
ok: READONLY: the warning
ok: MISCONF: without a lock
ok: MISCONF: lock_failure=readonly
ok: MISCONF: no lock, no session
ok: MISCONF: the warning
ok: NOPERM: without a lock
ok: NOPERM: lock_failure=readonly
ok: NOPERM: no lock, no session
ok: NOPERM: the warning
