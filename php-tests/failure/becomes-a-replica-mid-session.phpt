--TEST--
the server becomes a replica before the write
--INI--
rustredis.connect_timeout=1
rustredis.read_timeout=1
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$primary = RedisServer::start();
$server = RedisServer::start();
ini_set('session.save_path', $server->save_path());
$id = new_id();
start($id);
$server->resp()->replicaof('127.0.0.1', $primary->port);
$_SESSION['n'] = 1;
$time = seconds(function () use (&$got) {
    $got = warnings_of(fn () => session_write_close());
});
check_warnings('the warning', $got, [['rustredis: ', 'READONLY|read.only|replica|lock'], WRITE_FAILED], $id);
ok('in time', $time < 20, $time);
--EXPECT--
ok: the warning
ok: in time
