--TEST--
after a failed start with a masked path the same process can still connect
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$server = RedisServer::start(['--requirepass', 'the-Secret-1']);
$path = $server->save_path('auth=the-Secret-1');
ini_set('session.save_path', $path);
$id = new_id();
$server->resp('the-Secret-1')->set(lock_key($id), foreign_token(), 'PX', 60000);
ini_set('rustredis.lock_wait', '0');
$got = warnings_of(fn () => start($id));
check_warnings('no password', $got, [['rustredis: ', 'lock'], [READ_FAILED, '\*\*\*']], 'the-Secret-1', $id);
same('the setting is untouched', $path, ini_get('session.save_path'));
same('session_save_path() too', $path, session_save_path());
$server->resp('the-Secret-1')->del(lock_key($id));
same('the next start works', true, start($id));
session_write_close();
$got = warnings_of(fn () => start('bad_id'));
check_warnings('a bad id: no password', $got, [['illegal characters'], [READ_FAILED, '\*\*\*']], 'the-Secret-1');
same('the setting is still untouched', $path, ini_get('session.save_path'));
--EXPECT--
ok: no password
ok: the setting is untouched
ok: session_save_path() too
ok: the next start works
ok: a bad id: no password
ok: the setting is still untouched
