--TEST--
waiters get the lock in the order in which they came
--SKIPIF--
<?php getenv('USE_ZEND_ALLOC') === '0' && die('skip under valgrind all wait for over five seconds, and look again then: at the end of the queue');
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
start($id);
$_SESSION['order'] = '';
$children = [];
foreach (['a', 'b', 'c', 'd'] as $i => $name) {
    $children[] = Child::run('start($argv[1]); $_SESSION["order"] .= $argv[2]; session_write_close();', [$id, $name]);
    poll("waiter $name", fn () => redis()->zcard(side_key($id, 'WAITERS')) === $i + 1);
}
session_write_close();
foreach ($children as $child) {
    same('no output', '', $child->output());
}
start($id);
same('the order', 'abcd', $_SESSION['order']);
--EXPECT--
ok: no output
ok: no output
ok: no output
ok: no output
ok: the order
