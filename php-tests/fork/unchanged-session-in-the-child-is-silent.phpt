--TEST--
a forked child with an unchanged session ends without a word
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
$child = Child::run('
    start($argv[1]);
    $pid = pcntl_fork();
    if ($pid === 0) { exit(0); }
    pcntl_waitpid($pid, $status);
    say(is_locked($argv[1]) ? "locked" : "free");
    $_SESSION["n"] = 2;', [$id]);
same('the parent still has its lock', 'locked', $child->line());
same('no output of either', '', $child->output());
same('the value of the parent', 'n|i:2;', redis()->get(data_key($id)));
same('the lock is gone', false, is_locked($id));
--EXPECT--
ok: the parent still has its lock
ok: no output of either
ok: the value of the parent
ok: the lock is gone
