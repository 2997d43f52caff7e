--TEST--
signals that arrive while a request waits for its lock do not break the wait
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
start($id);
$child = Child::run('
    pcntl_async_signals(true);
    $count = 0;
    pcntl_signal(SIGUSR1, function () use (&$count) { $count++; }, false);
    say("ready");
    say(var_export(start($argv[1]), true));
    say((string) ($count > 0));', [$id]);
$child->line();
poll('the waiter', fn () => redis()->zcard(side_key($id, 'WAITERS')) === 1);
for ($i = 0; $i < 50; $i++) {
    posix_kill($child->pid(), SIGUSR1);
    usleep(2000);
}
session_write_close();
same('it starts', 'true', $child->line());
same('the signals arrived', '1', $child->line());
same('no warning', '', $child->output());
--EXPECT--
ok: it starts
ok: the signals arrived
ok: no warning
