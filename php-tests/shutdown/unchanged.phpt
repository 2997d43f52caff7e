--TEST--
a script that ends with an unchanged session touches it
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1], 50);
$child = Child::plain('session_id($argv[1]); session_start();', [$id]);
same('no output', '', $child->output());
same('the session is as it was', 'n|i:1;', redis()->get(data_key($id)));
ok('with a fresh TTL', redis()->ttl(data_key($id)) > 1400);
same('the lock is gone', false, is_locked($id));
--EXPECT--
ok: no output
ok: the session is as it was
ok: with a fresh TTL
ok: the lock is gone
