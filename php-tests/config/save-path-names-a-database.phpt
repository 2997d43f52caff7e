--TEST--
the database of save_path is the one where the session lives
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$server = RedisServer::start();
foreach ([1 => $server->save_path('database=1'), 2 => "redis://{$server->address()}/2", 3 => "unix://$server->socket?database=3"] as $database => $path) {
    ini_set('session.save_path', $path);
    $id = new_id();
    start($id);
    $_SESSION = ['n' => $database];
    session_write_close();
    $resp = $server->resp();
    $resp->select($database);
    same("database $database", ["n|i:$database;", null], [$resp->get(data_key($id)), $server->resp()->get(data_key($id))]);
}
--EXPECT--
ok: database 1
ok: database 2
ok: database 3
