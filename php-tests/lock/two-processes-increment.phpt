--TEST--
two processes that increment one session lose nothing
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
$code = '
    for ($i = 0; $i < 100; $i++) {
        if (!start($argv[1])) { exit(1); }
        $_SESSION["n"] = ($_SESSION["n"] ?? 0) + 1;
        session_write_close();
    }';
$children = [Child::run($code, [$id]), Child::run($code, [$id])];
foreach ($children as $child) {
    same('no output', '', $child->output());
}
same('200 increments', 'n|i:200;', redis()->get(data_key($id)));
same('no lock is left', false, is_locked($id));
same('no waiter is left', 0, redis()->exists(side_key($id, 'WAITERS'), side_key($id, 'WAKE')));
--EXPECT--
ok: no output
ok: no output
ok: 200 increments
ok: no lock is left
ok: no waiter is left
