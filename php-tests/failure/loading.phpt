--TEST--
Redis is still loading its data: session_start() is false in time, with the cause
--INI--
rustredis.connect_timeout=1
rustredis.read_timeout=1
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$server = RedisServer::start(['--key-load-delay', '20000', '--loading-process-events-interval-bytes', '1024', '--dbfilename', 'dump.rdb']);
$redis = $server->resp();
for ($i = 0; $i < 500; $i++) {
    $redis->set("k$i", str_repeat(bin2hex(random_bytes(8)), 64));
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
