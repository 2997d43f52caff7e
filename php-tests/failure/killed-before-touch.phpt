--TEST--
Redis dies before an unchanged session is closed: a warning, no crash
--INI--
rustredis.connect_timeout=1
rustredis.read_timeout=1
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$server = RedisServer::start();
ini_set('session.save_path', $server->save_path());
$id = new_id();
store_session($id, ['n' => 1], 1440, $server->resp());
start($id);
$server->kill();
$got = warnings_of(fn () => session_write_close());
check_warnings('one warning of ours, one of PHP', $got, [['rustredis: ', $server->address()], WRITE_FAILED], $id);
--EXPECT--
ok: one warning of ours, one of PHP
