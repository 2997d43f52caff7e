--TEST--
a failed session_destroy() leaves save_path as it was
--INI--
rustredis.connect_timeout=1
rustredis.read_timeout=1
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$server = RedisServer::start(['--requirepass', 'the-Secret-1']);
$path = $server->save_path('auth=the-Secret-1');
ini_set('session.save_path', $path);
start(new_id());
$server->kill();
$got = warnings_of(fn () => session_destroy());
check_warnings('no password', $got, [['rustredis: '], 'destruction failed'], 'the-Secret-1');
same('the setting is untouched', $path, session_save_path());
--EXPECT--
ok: no password
ok: the setting is untouched
