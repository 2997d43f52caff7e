--TEST--
a destroy under a stolen lock stops the request that was slow
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
$slow = Child::run('start($argv[1]); $_SESSION["n"] = 2; say("running"); hear(); session_write_close();', [$id]);
same('the slow request', 'running', $slow->line());
redis()->del(lock_key($id));
start($id);
session_destroy();
$slow->tell('go on');
$output = $slow->output();
same('one warning of ours', 1, substr_count($output, 'rustredis: '));
same('the session stays gone', null, redis()->get(data_key($id)));
--EXPECT--
ok: the slow request
ok: one warning of ours
ok: the session stays gone
