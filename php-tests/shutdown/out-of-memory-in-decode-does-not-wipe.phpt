--TEST--
a session that can be read but not decoded within memory_limit is not wiped
--SKIPIF--
<?php getenv('USE_ZEND_ALLOC') === '0' && die('skip memory_limit is kept by the allocator of PHP that is off here');
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
redis()->set(data_key($id), $value = 'v|' . serialize(array_fill(0, 200000, 'a text of some bytes')), 'EX', 1000);
$child = Child::plain('session_id($argv[1]); session_start(); echo "not reached";', [$id], ['memory_limit' => '12M']);
$output = $child->output();
ok('PHP reports a lack of memory', ran_out_of_memory($output), $output);
ok('the stored session is as it was', redis()->get(data_key($id)) === $value, redis()->strlen(data_key($id)));
redis()->del(data_key($id));
same('the lock is gone', false, is_locked($id));
--EXPECT--
ok: PHP reports a lack of memory
ok: the stored session is as it was
ok: the lock is gone
