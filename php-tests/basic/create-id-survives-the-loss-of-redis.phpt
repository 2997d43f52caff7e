--TEST--
session_create_id() with an open session survives that Redis is gone
--INI--
session.use_strict_mode=1
rustredis.connect_timeout=1
rustredis.read_timeout=1
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$server = RedisServer::start();
ini_set('session.save_path', $server->save_path());
session_start();
$server->kill();
$id = @session_create_id();
ok('an id or false, no crash', $id === false || preg_match('/^[0-9a-f]{32}$/', $id), $id);
@session_abort();
echo "alive\n";
--EXPECT--
ok: an id or false, no crash
alive
