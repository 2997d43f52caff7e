--TEST--
a request that was running while another destroyed the session cannot write it back
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
$child = Child::run('start($argv[1]); $_SESSION["n"] = 2; say("running"); hear(); say((string) session_write_close());', [$id], ['rustredis.locking' => 0]);
same('the slow request', 'running', $child->line());
ini_set('rustredis.locking', '0');
start($id);
session_destroy();
$child->tell('go on');
same('session_write_close() is true as ever', '1', $child->line());
$output = $child->output();
same('one warning of ours', 1, substr_count($output, 'rustredis: '));
same('one of PHP', 1, substr_count($output, 'Failed to write session data'));
ok('without the whole id', !str_contains($output, $id));
same('the session stays gone', null, redis()->get(data_key($id)));
--EXPECT--
ok: the slow request
ok: session_write_close() is true as ever
ok: one warning of ours
ok: one of PHP
ok: without the whole id
ok: the session stays gone
