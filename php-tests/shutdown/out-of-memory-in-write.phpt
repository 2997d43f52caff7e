--TEST--
no memory to encode the session: the stored one stays, the lock is released
--SKIPIF--
<?php getenv('USE_ZEND_ALLOC') === '0' && die('skip memory_limit is kept by the allocator of PHP that is off here');
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
$child = Child::plain('session_id($argv[1]); session_start(); $_SESSION["n"] = str_repeat("x", 9 << 20); session_write_close();', [$id], ['memory_limit' => '16M']);
$output = $child->output();
ok('PHP reports a lack of memory', ran_out_of_memory($output), $output);
ok('the stored session is not emptied', redis()->get(data_key($id)) !== '', redis()->get(data_key($id)));
same('the lock is gone', false, is_locked($id));
--EXPECT--
ok: PHP reports a lack of memory
ok: the stored session is not emptied
ok: the lock is gone
