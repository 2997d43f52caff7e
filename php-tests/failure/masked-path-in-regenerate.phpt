--TEST--
session_regenerate_id() that fails shows a masked path
--INI--
rustredis.connect_timeout=1
rustredis.read_timeout=1
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$server = RedisServer::start(['--requirepass', 'the-Secret-1']);
$path = $server->save_path('auth=the-Secret-1');
ini_set('session.save_path', $path);
$redis = $server->resp('the-Secret-1');

$redis->set(data_key($id = new_id()), 'n|i:0;', 'EX', 1000);
start($id);
$redis->set(lock_key($id), foreign_token(), 'PX', 60000);
$_SESSION['n'] = 1;
$got = warnings_of(fn () => session_regenerate_id(false));
check_warnings('the write fails', $got, [['rustredis: '], ['Session write failed', '\*\*\*']], 'the-Secret-1', $id);
same('the setting is untouched', [$path, $path], [ini_get('session.save_path'), session_save_path()]);

start($id = new_id());
$server->kill();
$got = warnings_of(fn () => session_regenerate_id(true));
check_warnings('the destroy fails', $got, [['rustredis: '], ['Session object destruction failed', '\*\*\*']], 'the-Secret-1', $id);
same('the setting is still untouched', [$path, $path], [ini_get('session.save_path'), session_save_path()]);
--EXPECT--
ok: the write fails
ok: the setting is untouched
ok: the destroy fails
ok: the setting is still untouched
