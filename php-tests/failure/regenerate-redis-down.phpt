--TEST--
Redis dies before session_regenerate_id(true): false, one warning, no session
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
    $result = session_regenerate_id(true);
});
same('it is false', false, $result);
check_warnings('one warning of ours, one of PHP', $got, [['^session_regenerate_id\(\): rustredis: ', $server->address()], 'Session object destruction failed'], $id);
same('the session is closed', PHP_SESSION_NONE, session_status());
--EXPECT--
ok: it is false
ok: one warning of ours, one of PHP
ok: the session is closed
