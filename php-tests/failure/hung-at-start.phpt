--TEST--
Redis hangs: session_start() is false within the timeouts, with one warning
--INI--
rustredis.connect_timeout=1
rustredis.read_timeout=1
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$server = RedisServer::start();
ini_set('session.save_path', $server->save_path());
$id = new_id();
$server->freeze();
$time = seconds(function () use ($id, &$got, &$result) {
    $got = warnings_of(function () use ($id, &$result) {
        $result = start($id);
    });
});
same('session_start() is false', false, $result);
check_warnings('the warning says where and why', $got, [['rustredis: ', $server->address(), 'read_timeout|no answer|timed out|timeout'], READ_FAILED], $id);
ok('in time', $time < 10, $time);
$server->thaw();
same('afterwards it works', true, start($id));
--EXPECT--
ok: session_start() is false
ok: the warning says where and why
ok: in time
ok: afterwards it works
