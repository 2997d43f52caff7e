--TEST--
a fork before the first session: parent and child each make a pool of their own, and wait for each other's session
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 0]);
$children = [];
for ($i = 0; $i < 4; $i++) {
    $pid = pcntl_fork();
    if ($pid === 0) {
        for ($n = 0; $n < 25; $n++) {
            start($id) or exit(1);
            $_SESSION['n']++;
            session_write_close();
        }
        exit(rustredis_status()['starts'] === 25 && count(rustredis_status()['pools']) === 1 ? 0 : 2);
    }
    $children[] = $pid;
}
for ($n = 0; $n < 25; $n++) {
    start($id);
    $_SESSION['n']++;
    session_write_close();
}
foreach ($children as $pid) {
    pcntl_waitpid($pid, $status);
    same('a child ends well', 0, pcntl_wifexited($status) ? pcntl_wexitstatus($status) : -1);
}
same('all counted', 'n|i:125;', redis()->get(data_key($id)));
--EXPECT--
ok: a child ends well
ok: a child ends well
ok: a child ends well
ok: a child ends well
ok: all counted
