--TEST--
after Redis came back the next session_start() works
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$server = RedisServer::start();
ini_set('session.save_path', $server->save_path());
$id = new_id();
start($id);
$_SESSION['n'] = 1;
session_write_close();
$server->kill();
same('down', false, @start($id));
$server->restart();
store_session($id, ['n' => 2], 1440, $server->resp());
same('up', true, start($id));
same('the value', ['n' => 2], $_SESSION);
session_write_close();
--EXPECT--
ok: down
ok: up
ok: the value
