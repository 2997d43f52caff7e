--TEST--
a wrong password in save_path: masked in our warning and in PHP's
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$server = RedisServer::start(['--requirepass', 'right-Secret-1']);
foreach ([$server->save_path('auth=wrong-Secret-2'), "redis://:wrong-Secret-2@{$server->address()}/0", "redis://default:wrong-Secret-2@{$server->address()}",
    $server->save_path('auth[]=default&auth[]=wrong-Secret-2'), $server->save_path('auth[user]=default&auth[pass]=wrong-Secret-2&database=0')] as $i => $path) {
    ini_set('session.save_path', $path);
    $got = warnings_of(function () use (&$result) {
        $result = start(new_id());
    });
    same("path $i: session_start() is false", false, $result);
    check_warnings("path $i: the cause, and a masked path", $got, [['rustredis: ', 'WRONGPASS|password'], [READ_FAILED, '\*\*\*']], 'wrong-Secret-2', 'Secret');
}
--EXPECT--
ok: path 0: session_start() is false
ok: path 0: the cause, and a masked path
ok: path 1: session_start() is false
ok: path 1: the cause, and a masked path
ok: path 2: session_start() is false
ok: path 2: the cause, and a masked path
ok: path 3: session_start() is false
ok: path 3: the cause, and a masked path
ok: path 4: session_start() is false
ok: path 4: the cause, and a masked path
