--TEST--
a write that fails shows a masked path; afterwards the setting is as before
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$server = RedisServer::start(['--requirepass', 'the-Secret-1']);
$path = $server->save_path('auth=the-Secret-1');
ini_set('session.save_path', $path);
$id = new_id();
same('it starts', true, start($id));
$server->resp('the-Secret-1')->set(lock_key($id), foreign_token(), 'PX', 60000);
$_SESSION['n'] = 1;
$got = warnings_of(fn () => session_write_close());
check_warnings('no password', $got, [['rustredis: '], [WRITE_FAILED, '\*\*\*']], 'the-Secret-1', $id);
same('the setting is untouched', $path, ini_get('session.save_path'));
same('and session_save_path()', $path, session_save_path());
$server->resp('the-Secret-1')->del(lock_key($id));
same('the next session works', true, start($id));
--EXPECT--
ok: it starts
ok: no password
ok: the setting is untouched
ok: and session_save_path()
ok: the next session works
