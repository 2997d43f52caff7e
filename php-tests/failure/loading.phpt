--TEST--
Redis is still loading its data: session_start() is false in time, with the cause
--INI--
rustredis.connect_timeout=1
rustredis.read_timeout=1
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

// Ten seconds, in which it answers now and then: before Redis 7 after every 2 MB.
[$keys, $bytes, $delay, $often] = RedisServer::major_version() < 7
    ? [20, 2 << 20, 500000, []]
    : [500, 1024, 20000, ['--loading-process-events-interval-bytes', '1024']];
$server = RedisServer::start(['--key-load-delay', (string) $delay, '--dbfilename', 'dump.rdb', '--rdbcompression', 'no', ...$often]);
$redis = $server->resp();
for ($i = 0; $i < $keys; $i++) {
    $redis->set("k$i", str_repeat('x', $bytes));
}
$redis->save();
$server->kill();
$server->restart(false);
poll('loading', function () use ($server) {
    try {
        return str_contains($server->resp()->info('persistence'), 'loading:1');
    } catch (RespError) {
        return false;
    }
});
ini_set('session.save_path', $server->save_path());
$id = new_id();
$time = seconds(function () use ($id, &$got, &$result) {
    $got = warnings_of(function () use ($id, &$result) {
        $result = start($id);
    });
});
ok('still loading', str_contains($server->resp()->info('persistence'), 'loading:1'));
same('session_start() is false', false, $result);
check_warnings('the warning', $got, [['rustredis: ', $server->address(), 'LOADING|loading'], READ_FAILED], $id);
ok('in time', $time < 15, $time);
--EXPECT--
ok: still loading
ok: session_start() is false
ok: the warning
ok: in time
