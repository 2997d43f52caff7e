--TEST--
signals do not prolong the wait for a hung Redis
--INI--
rustredis.connect_timeout=1
rustredis.read_timeout=1
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$server = RedisServer::start();
$child = Child::run('
    pcntl_async_signals(true);
    pcntl_signal(SIGUSR1, fn () => null, false);
    start($argv[1]);
    session_write_close();
    say("ready");
    hear();
    say(var_export(@start($argv[1]), true));', [new_id()], ['session.save_path' => $server->save_path(), 'rustredis.connect_timeout' => 1, 'rustredis.read_timeout' => 1]);
$child->line();
$server->freeze();
$child->tell('go');
$time = seconds(function () use ($child) {
    for ($i = 0; $i < 5000 && $child->is_silent(); $i++) {
        posix_kill($child->pid(), SIGUSR1);
        usleep(5000);
    }
    same('session_start() is false', 'false', $child->line());
});
ok('in time', $time < 15, $time);
--EXPECT--
ok: session_start() is false
ok: in time
