--TEST--
a killed holder blocks others for one lease at most
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
$child = Child::run('start($argv[1]); $_SESSION["n"] = 5; say("held"); hear();', [$id], ['rustredis.lock_lease' => 2]);
same('the child holds it', 'held', $child->line());
$child->kill();
$child->output();
$time = seconds(function () use ($id) {
    same('it starts', true, start($id));
});
ok('after the lease at the latest', $time < 6, $time);
same('the stored values', ['n' => 1], $_SESSION);
--EXPECT--
ok: the child holds it
ok: it starts
ok: after the lease at the latest
ok: the stored values
