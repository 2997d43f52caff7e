--TEST--
rustredis_ping() tells how long Redis took to answer, or null if no session could start there
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

// A server that answers, and starts no session.
$refuses = function (array $before, array $after) use ($server, $is_time): array {
    $server->resp()->{array_shift($before)}(...$before);
    $times = [];
    foreach (['fail', 'readonly'] as $failure) {
        ini_set('rustredis.lock_failure', $failure);
        $messages = warnings_of(function () use (&$times) { $times[] = rustredis_ping(); });
        $messages && var_dump($messages);
    }
    ini_restore('rustredis.lock_failure');
    $server->resp()->{array_shift($after)}(...$after);
    return [$times[0], $is_time($times[1]), $is_time(rustredis_ping())];
};
same('a replica', [null, true, true], $refuses(['replicaof', '127.0.0.1', '1'], ['replicaof', 'NO', 'ONE']));
$set = fn (string $name, string $value) => ['config', 'SET', $name, $value];
same('a server without its replicas', [null, true, true],
    $refuses($set('min-replicas-to-write', '1'), $set('min-replicas-to-write', '0')));
same('a full server', [null, true, true], $refuses($set('maxmemory', '1'), $set('maxmemory', '0')));
$user = fn (string ...$rules) => ['acl', 'SETUSER', redis_user(), ...$rules];
same('a user without the right to write', [null, true, true], $refuses($user('-set'), $user('+set')));
same('a user without the keys', [null, false, true], $refuses($user('resetkeys'), $user('allkeys')));
same('nothing is left', 0, $server->resp()->dbsize());

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
ok: a replica
ok: a server without its replicas
ok: a full server
ok: a user without the right to write
ok: a user without the keys
ok: nothing is left
ok: two servers
ok: one of two is gone
ok: no server
