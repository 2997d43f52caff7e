--TEST--
Redis asks for a password and there is none
--INI--
rustredis.username=
rustredis.password=
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$server = RedisServer::start(['--requirepass', 'right-Secret-1']);
ini_set('session.save_path', $server->save_path());
$got = warnings_of(function () use (&$result) {
    $result = start(new_id());
});
same('session_start() is false', false, $result);
check_warnings('the cause and the setting', $got, [['rustredis: ', $server->address(), 'NOAUTH|password', 'rustredis\.password'], READ_FAILED], 'right-Secret-1');
--EXPECT--
ok: session_start() is false
ok: the cause and the setting
