--TEST--
a read that fails and a script that restores save_path from what PHP tells it
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$server = RedisServer::start(['--requirepass', 'the-Secret-1']);
$path = $server->save_path('auth=the-Secret-1');
ini_set('session.save_path', $path);
ini_set('rustredis.lock_wait', '0');
$redis = $server->resp('the-Secret-1');
$id = new_id();
$redis->set(lock_key($id), foreign_token(), 'PX', 60000);
@start($id);
$redis->del(lock_key($id));
session_save_path(session_save_path());
same('the next start works', true, start($id));
--EXPECT--
ok: the next start works
