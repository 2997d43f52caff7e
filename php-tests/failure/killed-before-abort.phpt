--TEST--
Redis dies before session_abort(): not a word, no crash
--INI--
rustredis.connect_timeout=1
rustredis.read_timeout=1
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$server = RedisServer::start();
ini_set('session.save_path', $server->save_path());
start(new_id());
$server->kill();
$got = warnings_of(fn () => session_abort());
ok('one warning at most', count($got) <= 1, $got);
same('the session is closed', PHP_SESSION_NONE, session_status());
--EXPECT--
ok: one warning at most
ok: the session is closed
