--TEST--
Redis dies before session_destroy(): false and one warning
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
$server->kill();
$got = warnings_of(function () use (&$result) {
    $result = session_destroy();
});
same('it is false', false, $result);
check_warnings('one warning of ours, one of PHP', $got, [['^session_destroy\(\): rustredis: ', $server->address()], 'Session object destruction failed'], $id);
--EXPECT--
ok: it is false
ok: one warning of ours, one of PHP
