--TEST--
lock_mixed=1: nothing is handed over, so that phpredis' pollers get their share; nothing is lost either
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
start($id);
$child = Child::run('say((string) start($argv[1])); $_SESSION["n"] = ($_SESSION["n"] ?? 0) + 1;', [$id], ['rustredis.lock_mixed' => 1]);
poll('the waiter', fn () => redis()->zcard(side_key($id, 'WAITERS')) === 1);
$_SESSION['n'] = 1;
session_write_close();
same('the waiter gets the lock', '1', $child->line());
same('and ends', '', $child->output());
same('both counted', 'n|i:2;', redis()->get(data_key($id)));

$id = new_id();
$children = [];
foreach ([1, 2, 3] as $i) {
    $children[] = Child::run('
        for ($i = 0; $i < 20; $i++) {
            start($argv[1]);
            $_SESSION["n"] = ($_SESSION["n"] ?? 0) + 1;
            session_write_close();
        }', [$id], ['rustredis.lock_mixed' => 1]);
}
foreach ($children as $child) {
    $child->output();
}
same('60 increments', 'n|i:60;', redis()->get(data_key($id)));
--EXPECT--
ok: the waiter gets the lock
ok: and ends
ok: both counted
ok: 60 increments
