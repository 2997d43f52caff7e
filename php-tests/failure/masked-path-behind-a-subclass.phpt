--TEST--
behind a SessionHandler subclass the path is masked, too
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class Plain extends SessionHandler
{
}
$server = RedisServer::start(['--requirepass', 'the-Secret-1']);
$path = $server->save_path('auth=the-Secret-1');
ini_set('session.save_path', $path);
ini_set('rustredis.lock_wait', '0');
session_set_save_handler(new Plain());
$redis = $server->resp('the-Secret-1');

$id = new_id();
$redis->set(lock_key($id), foreign_token(), 'PX', 60000);
$got = warnings_of(fn () => start($id));
check_warnings('read', $got, [['rustredis: ', 'lock'], ['Failed to read session data', '\*\*\*']], 'the-Secret-1', $id);
$redis->del(lock_key($id));

same('the next start works', true, start($id));
$redis->set(lock_key($id), foreign_token(), 'PX', 60000);
$_SESSION['n'] = 1;
$got = warnings_of(fn () => session_write_close());
check_warnings('write', $got, [['rustredis: ', 'lock'], ['Failed to write session data', '\*\*\*']], 'the-Secret-1', $id);
same('the setting is untouched', [$path, $path], [ini_get('session.save_path'), session_save_path()]);
$redis->del(lock_key($id));
same('the next start works again', true, start($id));
--EXPECT--
ok: read
ok: the next start works
ok: write
ok: the setting is untouched
ok: the next start works again
