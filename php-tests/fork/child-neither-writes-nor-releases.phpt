--TEST--
a forked child neither writes nor releases the session of its parent
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
start($id);
$lock = redis()->get(lock_key($id));
$_SESSION['n'] = 2;
$pid = pcntl_fork();
if ($pid === 0) {
    ob_end_clean();
    posix_kill(posix_getpid(), SIGKILL);
}
pcntl_waitpid($pid, $status);
same('killed child: the lock', $lock, redis()->get(lock_key($id)));

$pid = pcntl_fork();
if ($pid === 0) {
    ob_end_clean();
    ob_start(fn () => '');
    ini_set('display_errors', '0');
    $_SESSION['n'] = 99;
    exit(0);
}
pcntl_waitpid($pid, $status);
same('exit code of the child', 0, pcntl_wexitstatus($status));
same('the lock', $lock, redis()->get(lock_key($id)));
same('the stored value', 'n|i:1;', redis()->get(data_key($id)));
$got = warnings_of(fn () => session_write_close());
same('the parent writes without a warning', [], $got);
same('its value', 'n|i:2;', redis()->get(data_key($id)));
same('the lock is gone', false, is_locked($id));
--EXPECT--
ok: killed child: the lock
ok: exit code of the child
ok: the lock
ok: the stored value
ok: the parent writes without a warning
ok: its value
ok: the lock is gone
