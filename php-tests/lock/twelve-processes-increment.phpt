--TEST--
twelve processes that increment one session lose nothing
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
$children = [];
for ($i = 0; $i < 12; $i++) {
    $children[] = Child::run('
        for ($i = 0; $i < 25; $i++) {
            if (!start($argv[1])) { exit(1); }
            $_SESSION["n"] = ($_SESSION["n"] ?? 0) + 1;
            session_write_close();
        }', [$id], ['rustredis.lock_wait' => 60]);
}
$output = '';
foreach ($children as $child) {
    $output .= $child->output(90);
}
same('no output', '', $output);
same('300 increments', 'n|i:300;', redis()->get(data_key($id)));
same('no lock is left', false, is_locked($id));
--EXPECT--
ok: no output
ok: 300 increments
ok: no lock is left
