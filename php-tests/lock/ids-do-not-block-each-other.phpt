--TEST--
locks of different sessions have nothing to do with each other
--INI--
rustredis.lock_wait=0
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$one = new_id();
start($one);
$child = Child::run('say((string) start($argv[1]));', [new_id()], ['rustredis.lock_wait' => 0]);
same('another session starts', '1', $child->line());
same('and ends', '', $child->output());
$child = Child::run('say(var_export(@start($argv[1]), true));', [$one], ['rustredis.lock_wait' => 0]);
same('the same does not', 'false', $child->line());
$child->output();
--EXPECT--
ok: another session starts
ok: and ends
ok: the same does not
