--TEST--
a handler class writes during the request and Redis refuses: the lock stays the request's, the last save is made, close frees the lock
--SKIPIF--
<?php
require __DIR__ . '/../support/support.inc';
echo RedisServer::major_version() < 7 ? 'skip before Redis 7 scripts write although it refuses writes' : '';
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class Handler extends SessionHandler
{
}

$handler = new Handler();
session_set_save_handler($handler, true);
// Longer than the test looks for the end of the lock.
ini_set('rustredis.lock_lease', '60');
ini_set('rustredis.read_timeout', (string) (0.3 * slowness()));

$server = RedisServer::start();
$resp = $server->resp();
ini_set('session.save_path', $server->save_path());
$dump = $resp->config('GET', 'dir')[1] . '/dump.rdb';
$cases = [
    'NOREPLICAS' => [
        fn () => $resp->config('SET', 'min-replicas-to-write', '1'),
        fn () => $resp->config('SET', 'min-replicas-to-write', '0'),
    ],
    'MISCONF' => [
        function () use ($resp, $dump) {
            mkdir($dump);
            $resp->config('SET', 'save', '3600 1000000');
            $resp->bgsave();
            poll('the failure', fn () => str_contains($resp->info('persistence'), 'rdb_last_bgsave_status:err'));
        },
        function () use ($resp, $dump) {
            rmdir($dump);
            $resp->config('SET', 'save', '');
        },
    ],
    'OOM' => [
        fn () => $resp->config('SET', 'maxmemory', '1'),
        fn () => $resp->config('SET', 'maxmemory', '0'),
    ],
    'READONLY' => [
        fn () => $resp->replicaof('127.0.0.1', '1'),
        fn () => $resp->replicaof('NO', 'ONE'),
    ],
];
foreach ($cases as $code => [$refuse, $end]) {
    start($id = new_id());
    $_SESSION['n'] = 1;
    $refuse();
    $got = warnings_of(function () use ($handler, $id, &$written) {
        $written = $handler->write($id, 'n|i:2;');
    });
    ok("$code: the write fails and says why", $written === false && count($got) === 1 && str_contains($got[0], $code), $got);
    same("$code: the lock stays", true, is_locked($id, $resp));
    $end();
    $_SESSION['n'] = 3;
    same("$code: the last save says nothing", [], warnings_of(fn () => session_write_close()));
    same("$code: and is made", 'n|i:3;', $resp->get(data_key($id)));
    poll("$code: the lock is free", fn () => !is_locked($id, $resp));
}

// A refusal that passes in a moment is waited for, as at the end of a request.
ini_set('rustredis.read_timeout', '30');
start($id = new_id());
$resp->config('SET', 'min-replicas-to-write', '1');
$calls = fn (Resp $resp) => preg_match('/^cmdstat_evalsha:calls=(\d+)/m', $resp->info('commandstats'), $m) ? (int) $m[1] : 0;
$well = Child::run(
    '$resp = Resp::tcp((int) $argv[1]); [$all, $m] = [(int) $argv[2] + 3, []]; say("ready");
    poll("its repeats", fn () => preg_match("/^cmdstat_evalsha:calls=(\d+)/m", $resp->info("commandstats"), $m) && $m[1] >= $all);
    $resp->config("SET", "min-replicas-to-write", "0"); say("well");',
    [$server->port, $calls($resp)]
);
same('somebody looks after Redis', 'ready', $well->line());
$got = warnings_of(function () use ($handler, $id, &$written) {
    $written = $handler->write($id, 'n|i:4;');
});
same('the write waits', [true, []], [$written, $got]);
same('until Redis is well', 'well', $well->line());
same('the value is there', 'n|i:4;', $resp->get(data_key($id)));
session_abort();
poll('the lock', fn () => !is_locked($id, $resp));
--EXPECT--
ok: NOREPLICAS: the write fails and says why
ok: NOREPLICAS: the lock stays
ok: NOREPLICAS: the last save says nothing
ok: NOREPLICAS: and is made
ok: MISCONF: the write fails and says why
ok: MISCONF: the lock stays
ok: MISCONF: the last save says nothing
ok: MISCONF: and is made
ok: OOM: the write fails and says why
ok: OOM: the lock stays
ok: OOM: the last save says nothing
ok: OOM: and is made
ok: READONLY: the write fails and says why
ok: READONLY: the lock stays
ok: READONLY: the last save says nothing
ok: READONLY: and is made
ok: somebody looks after Redis
ok: the write waits
ok: until Redis is well
ok: the value is there
