--TEST--
the control: with rustredis.locking=0 a second process is not kept waiting, and one update is lost
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 0]);
$code = 'start($argv[1]); $_SESSION["n"]++; say("read"); hear(); session_write_close();';
$one = Child::run($code, [$id], ['rustredis.locking' => 0]);
$two = Child::run($code, [$id], ['rustredis.locking' => 0]);
same('one', 'read', $one->line());
same('two', 'read', $two->line());
same('no side key at all', [data_key($id)], redis()->keys("*$id*"));
$one->tell('go');
same('one ends', '', $one->output());
$two->tell('go');
same('two ends', '', $two->output());
same('one update', 'n|i:1;', redis()->get(data_key($id)));
same('still no side key', [data_key($id)], redis()->keys("*$id*"));
--EXPECT--
ok: one
ok: two
ok: no side key at all
ok: one ends
ok: two ends
ok: one update
ok: still no side key
