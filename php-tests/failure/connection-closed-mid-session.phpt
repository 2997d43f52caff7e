--TEST--
a connection that breaks while the session is open: the write goes through a new one
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$server = RedisServer::start();
ini_set('session.save_path', $server->save_path());
$id = new_id();
start($id);
$_SESSION['n'] = 1;
$server->resp()->client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
$got = warnings_of(fn () => session_write_close());
same('no warning', [], $got);
same('the session is stored', 'n|i:1;', $server->resp()->get(data_key($id)));
same('the lock is gone', false, is_locked($id, $server->resp()));
--EXPECT--
ok: no warning
ok: the session is stored
ok: the lock is gone
