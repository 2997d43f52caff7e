--TEST--
without locking: an unchanged session that another request destroyed in between is not written back
--INI--
rustredis.locking=0
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
$child = Child::run('start($argv[1]); say("running"); hear();', [$id], ['rustredis.locking' => 0]);
$child->line();
start($id);
session_destroy();
$child->tell('go on');
$output = $child->output();
same('an unchanged session neither', null, redis()->get(data_key($id)));
same('one warning of ours at most', true, substr_count($output, 'rustredis: ') <= 1);
--EXPECT--
ok: an unchanged session neither
ok: one warning of ours at most
