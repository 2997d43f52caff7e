--TEST--
a child that outlives its parent does not disturb the sessions that follow
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
$child = Child::run('
    start($argv[1]);
    $_SESSION["n"] = 1;
    $pid = pcntl_fork();
    if ($pid === 0) {
        fclose(STDOUT);
        hear();
        exit(0);
    }
    exit(0);', [$id]);
poll('the parent to end', fn () => redis()->get(data_key($id)) === 'n|i:1;');
poll('its lock', fn () => !is_locked($id));
same('the next session starts', true, start($id));
$child->tell('end');
$child->output();
same('our lock is still held', true, is_locked($id));
$_SESSION['n'] = 2;
session_write_close();
same('our value is stored', 'n|i:2;', redis()->get(data_key($id)));
--EXPECT--
ok: the next session starts
ok: our lock is still held
ok: our value is stored
