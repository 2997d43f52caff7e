--TEST--
rustredis_status() of a forked child is its own
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

start(new_id());
session_write_close();
$report = temp_file('', '.txt');
$pid = pcntl_fork();
if ($pid === 0) {
    ob_end_clean();
    ob_start(fn () => '');
    $status = rustredis_status();
    file_put_contents($report, json_encode([$status['pid'] === getmypid(), count((array) $status['locks'])]));
    exit(0);
}
pcntl_waitpid($pid, $status);
same('pid and locks', [true, 0], json_decode(file_get_contents($report), true));
--EXPECT--
ok: pid and locks
