--TEST--
threads of the extension block every signal, so that PHP's own land on its main thread
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

start(new_id());
$own = 0;
$open = [];
foreach (glob('/proc/self/task/*') as $task) {
    if (basename($task) === (string) getmypid()) {
        continue;
    }
    $own++;
    $status = file_get_contents("$task/status");
    preg_match('/^SigBlk:\s*([0-9a-f]+)/m', $status, $m);
    foreach ([SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGTERM, SIGCHLD, SIGPROF, SIGVTALRM] as $signal) {
        if (!(hexdec(substr($m[1], -8)) & (1 << ($signal - 1)))) {
            $open[] = $signal;
        }
    }
}
same('no signal is open', [], $open);
ok('one thread at most', $own <= 1, $own);
--EXPECT--
ok: no signal is open
ok: one thread at most
