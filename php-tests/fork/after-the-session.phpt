--TEST--
a fork after the session: parent and child each get a connection of their own
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
start($id);
$_SESSION['n'] = 0;
session_write_close();
$count = function () use ($id) {
    for ($i = 0; $i < 50; $i++) {
        if (!start($id)) {
            exit(1);
        }
        $_SESSION['n']++;
        session_write_close();
    }
};
$pids = [];
for ($i = 0; $i < 3; $i++) {
    if (($pid = pcntl_fork()) === 0) {
        ob_end_clean();
        ob_start(fn () => '');
        $count();
        exit(0);
    }
    $pids[] = $pid;
}
$count();
foreach ($pids as $pid) {
    pcntl_waitpid($pid, $status);
    same('exit code of a child', 0, pcntl_wexitstatus($status));
}
same('200 increments', 'n|i:200;', redis()->get(data_key($id)));
--EXPECT--
ok: exit code of a child
ok: exit code of a child
ok: exit code of a child
ok: 200 increments
