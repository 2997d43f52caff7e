--TEST--
a replica: READONLY, and what to do about it
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$primary = RedisServer::start();
$server = RedisServer::start(['--replicaof', '127.0.0.1', (string) $primary->port]);
poll('the replica', fn () => str_contains($server->resp()->info('replication'), 'master_link_status:up'));
ini_set('session.save_path', $server->save_path());
$got = warnings_of(function () use (&$result) {
    $result = start(new_id());
});
same('session_start() is false', false, $result);
check_warnings('the warning', $got, [['rustredis: ', $server->address(), 'READONLY|read.only', 'replica'], READ_FAILED]);
--EXPECT--
ok: session_start() is false
ok: the warning
