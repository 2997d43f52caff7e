--TEST--
max_execution_time that is reached while a request waits for its lock: no crash, no lock left behind
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
start($id);
// Most PHPs count CPU time, and stop the loop behind; those that count all time stop it as soon as the wait is over.
$child = Child::run('
    say("ready");
    set_time_limit(1);
    $got = start($argv[1]);
    for ($end = hrtime(true) + 25_000_000_000; hrtime(true) < $end;);
    say("not stopped");', [$id], ['hard_timeout' => 0]);
$child->line();
poll('the waiter', fn () => redis()->zcard(data_key($id) . '_WAITERS') === 1);
usleep(1_500_000);
session_write_close();
$output = $child->output();
ok('PHP stops it', str_contains($output, 'Maximum execution time of 1 second exceeded'), $output);
same('without a warning of ours', false, str_contains($output, 'rustredis:'));
same('the lock is gone', false, is_locked($id));
same('the session is as it was', 'n|i:1;', redis()->get(data_key($id)));
--EXPECT--
ok: PHP stops it
ok: without a warning of ours
ok: the lock is gone
ok: the session is as it was
