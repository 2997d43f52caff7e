--TEST--
Redis is at its maxmemory: stored sessions can still be read
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$server = RedisServer::start(['--maxmemory-policy', 'noeviction']);
$id = new_id();
store_session($id, ['n' => 1], 1440, $server->resp());
$server->resp()->config('SET', 'maxmemory', '1');
ini_set('session.save_path', $server->save_path());
$got = warnings_of(function () use ($id, &$result) {
    $result = start($id, ['read_and_close' => true]);
});
same('read_and_close works', [true, [], ['n' => 1]], [$result, $got, $_SESSION]);
--EXPECT--
ok: read_and_close works
