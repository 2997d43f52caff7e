--TEST--
a password alone in save_path: phpredis' auth=, and redis://:password@
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$server = RedisServer::start(['--requirepass', 'a+b&c=d,e']);
foreach (['auth' => $server->save_path('auth=a%2Bb%26c%3Dd%2Ce'), 'url' => "redis://:a%2Bb%26c%3Dd%2Ce@{$server->address()}",
    'unix' => "unix://$server->socket?auth=a%2Bb%26c%3Dd%2Ce"] as $name => $path) {
    ini_set('session.save_path', $path);
    $id = new_id();
    start($id);
    $_SESSION = ['n' => 1];
    session_write_close();
    same($name, 'n|i:1;', $server->resp('a+b&c=d,e')->get(data_key($id)));
}
--EXPECT--
ok: auth
ok: url
ok: unix
