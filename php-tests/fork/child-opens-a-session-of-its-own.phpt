--TEST--
a forked child may open other sessions while its parent goes on
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
$other = new_id();
start($id);
$_SESSION['n'] = 1;
$pid = pcntl_fork();
if ($pid === 0) {
    ob_end_clean();
    ob_start(fn () => '');
    session_abort();
    for ($i = 0; $i < 20; $i++) {
        start($other);
        $_SESSION = ['child' => $i];
        session_write_close();
    }
    exit(0);
}
for ($i = 0; $i < 20; $i++) {
    session_write_close();
    start($id);
    $_SESSION['n'] = $i;
}
session_write_close();
pcntl_waitpid($pid, $status);
same('exit code of the child', 0, pcntl_wexitstatus($status));
same('its session', 'child|i:19;', redis()->get(data_key($other)));
same('the session of the parent', 'n|i:19;', redis()->get(data_key($id)));
same('no lock is left', [false, false], [is_locked($id), is_locked($other)]);
--EXPECT--
ok: exit code of the child
ok: its session
ok: the session of the parent
ok: no lock is left
