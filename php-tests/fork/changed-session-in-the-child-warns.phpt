--TEST--
a forked child that changed the session is told that it is not written
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
start($id);
$report = temp_file('', '.txt');
$pid = pcntl_fork();
if ($pid === 0) {
    ob_end_clean();
    ob_start(fn () => '');
    $_SESSION['n'] = 99;
    $got = warnings_of(fn () => session_write_close());
    file_put_contents($report, json_encode($got));
    exit(0);
}
pcntl_waitpid($pid, $status);
$got = json_decode(file_get_contents($report), true);
check_warnings('one warning of ours, one of PHP', $got, [['rustredis: ', 'fork|child|parent|process'], WRITE_FAILED], $id);
same('the stored value', 'n|i:1;', redis()->get(data_key($id)));
same('the lock', true, is_locked($id));
session_write_close();
same('no lock is left', false, is_locked($id));
--EXPECT--
ok: one warning of ours, one of PHP
ok: the stored value
ok: the lock
ok: no lock is left
