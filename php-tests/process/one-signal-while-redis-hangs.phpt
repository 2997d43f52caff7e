--TEST--
a signal near the end of a wait does not start it again
--INI--
rustredis.connect_timeout=3
rustredis.read_timeout=3
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
    say(var_export(@start($argv[1]), true));', [new_id()], ['session.save_path' => $server->save_path(), 'rustredis.connect_timeout' => 3, 'rustredis.read_timeout' => 3]);
$child->line();
$server->freeze();
$child->tell('go');
$time = seconds(function () use ($child) {
    usleep(2_700_000);
    posix_kill($child->pid(), SIGUSR1);
    same('session_start() is false', 'false', $child->line());
});
// Were the wait started again, it would be 5.7 s.
ok('in time', $time < 5.2 || slowness() > 1, $time);
--EXPECT--
ok: session_start() is false
ok: in time
