--TEST--
Redis hangs after the connection was made: the next session_start() is false within the timeouts
--INI--
rustredis.connect_timeout=1
rustredis.read_timeout=1
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$server = RedisServer::start();
ini_set('session.save_path', $server->save_path());
$id = new_id();
start($id);
$_SESSION['n'] = 1;
session_write_close();
$server->freeze();
$time = seconds(function () use ($id, &$got, &$result) {
    $got = warnings_of(function () use ($id, &$result) {
        $result = start($id);
    });
});
same('session_start() is false', false, $result);
check_warnings('one warning', $got, [['rustredis: ', $server->address(), 'read_timeout|no answer|timed out|timeout'], READ_FAILED], $id);
ok('in time', $time < 15, $time);
$server->thaw();
--EXPECT--
ok: session_start() is false
ok: one warning
ok: in time
