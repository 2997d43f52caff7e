--TEST--
every form of session.save_path that is supported reaches the server
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$server = RedisServer::start();
$server->resp()->acl('SETUSER', 'web', 'on', '>p@ss w:rd/#1', '~*', '+@all');
$port = $server->port;
$socket = $server->socket;
$forms = [
    'tcp' => "tcp://127.0.0.1:$port",
    'tcp, slash' => "tcp://127.0.0.1:$port/",
    'tcp, name' => "tcp://localhost:$port",
    'bare' => "127.0.0.1:$port",
    'white space around' => "  tcp://127.0.0.1:$port ",
    'timeouts' => "tcp://127.0.0.1:$port?timeout=2.5&read_timeout=3",
    'weight' => "tcp://127.0.0.1:$port?weight=1",
    'persistent' => "tcp://127.0.0.1:$port?persistent=1",
    'phpredis, all of it' => "tcp://127.0.0.1:$port?weight=1&timeout=2.5&read_timeout=2.5&persistent=1&database=0&prefix=PHPREDIS_SESSION:",
    'auth list' => "tcp://127.0.0.1:$port?auth[]=web&auth[]=p%40ss%20w%3Ard%2F%231",
    'auth map' => "tcp://127.0.0.1:$port?auth[user]=web&auth[pass]=p%40ss%20w%3Ard%2F%231",
    'unix' => "unix://$socket",
    'unix, query' => "unix://$socket?timeout=2",
    'redis' => "redis://127.0.0.1:$port",
    'redis, database' => "redis://127.0.0.1:$port/0",
    'redis, user' => "redis://web:p%40ss%20w%3Ard%2F%231@127.0.0.1:$port",
    'redis, user and database' => "redis://web:p%40ss%20w%3Ard%2F%231@127.0.0.1:$port/0",
];
foreach ($forms as $name => $path) {
    ini_set('session.save_path', $path);
    $id = new_id();
    $got = warnings_of(function () use ($id) {
        start($id);
        $_SESSION = ['n' => 1];
        session_write_close();
    });
    same($name, [[], 'n|i:1;'], [$got, $server->resp()->get(data_key($id))]);
}
--EXPECT--
ok: tcp
ok: tcp, slash
ok: tcp, name
ok: bare
ok: white space around
ok: timeouts
ok: weight
ok: persistent
ok: phpredis, all of it
ok: auth list
ok: auth map
ok: unix
ok: unix, query
ok: redis
ok: redis, database
ok: redis, user
ok: redis, user and database
