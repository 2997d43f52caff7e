--TEST--
ten thousand sessions of a thousand users expire by themselves, and leave no key
--INI--
session.gc_maxlifetime=2
--FILE--
<?php
require __DIR__ . '/user.inc';

$server = RedisServer::start(['--hz', '100']);
ini_set('session.save_path', $server->save_path());
ini_set('rustredis.lock_max_hold', '3');
// The receipts of the releases live for as long as a release may be repeated.
ini_set('rustredis.read_timeout', (string) slowness());
ini_set('rustredis.connect_timeout', (string) slowness());
$redis = $server->resp();
// The number of sessions does not matter to the memory checker.
$count = intdiv(10_000, slowness());
for ($i = 0; $i < $count; $i++) {
    start(new_id());
    $_SESSION['n'] = $i;
    rustredis_user('user ' . $i % 1000, $i % 7, $i % 2 ? 'oldest' : 'refuse', "label $i");
    if ($i % 10 === 1) {
        session_regenerate_id($i % 20 === 1);
    }
    $i % 10 === 2 ? session_destroy() : session_write_close();
}
$without = 0;
$cursor = '0';
do {
    [$cursor, $keys] = $redis->scan($cursor, 'COUNT', 1000);
    foreach ($keys as $key) {
        $without += $redis->ttl($key) === -1 ? 1 : 0;
    }
} while ($cursor !== '0');
same('each key has a TTL', 0, $without);
poll('the end of all', fn () => $redis->dbsize() === 0, 60);
ok('no key is left', true);
--EXPECT--
ok: each key has a TTL
ok: no key is left
