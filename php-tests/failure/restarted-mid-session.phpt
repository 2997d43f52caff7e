--TEST--
Redis restarted without its data while a session is open: the write is refused, as the lock is gone
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
$server->restart();
$got = warnings_of(fn () => session_write_close());
check_warnings('one warning of ours, one of PHP', $got, [['rustredis: ', 'lock'], WRITE_FAILED], $id);
same('nothing is stored', null, $server->resp()->get(data_key($id)));
--EXPECT--
ok: one warning of ours, one of PHP
ok: nothing is stored
