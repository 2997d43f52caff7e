--TEST--
rustredis_ping() tells how long Redis took to answer, or null
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$is_time = fn ($time) => is_float($time) && $time > 0 && $time < 5;
ok('without a session', $is_time($time = rustredis_ping()), $time);
same('it costs one trip', 1, trips(fn () => rustredis_ping()));
start($id = new_id());
$_SESSION['n'] = 1;
ok('beside a session, whose connection it uses', $is_time($time = rustredis_ping()), $time);
session_write_close();
same('the session is stored', 'n|i:1;', redis()->get(data_key($id)));

// A user may lack the right, and has been answered all the same.
$server = RedisServer::start();
ini_set('session.save_path', $server->save_path());
ok('another server', $is_time($time = rustredis_ping()), $time);
$server->resp()->acl('SETUSER', redis_user(), '-ping');
ok('a user without the right', $is_time($time = rustredis_ping()), $time);

// Two servers, of which one is gone.
$two = RedisServer::start();
ini_set('session.save_path', $server->save_path() . ',' . $two->save_path());
ok('two servers', $is_time($time = rustredis_ping()), $time);
$two->kill();
$messages = warnings_of(function () use (&$time) { $time = rustredis_ping(); });
same('one of two is gone', [null, []], [$time, $messages]);

ini_set('session.save_path', 'tcp://127.0.0.1:' . free_port());
same('no server', null, rustredis_ping());
--EXPECT--
ok: without a session
ok: it costs one trip
ok: beside a session, whose connection it uses
ok: the session is stored
ok: another server
ok: a user without the right
ok: two servers
ok: one of two is gone
ok: no server
