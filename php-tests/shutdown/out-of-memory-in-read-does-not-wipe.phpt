--TEST--
a session somewhat larger than memory_limit is not wiped by the request that fails to read it
--SKIPIF--
<?php getenv('USE_ZEND_ALLOC') === '0' && die('skip memory_limit is kept by the allocator of PHP that is off here');
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
redis()->set(data_key($id), $value = 'v|' . serialize(str_repeat('x', 24 << 20)), 'EX', 1000);
$child = Child::plain('session_id($argv[1]); session_start(); echo "not reached";', [$id], ['memory_limit' => '16M']);
$output = $child->output();
ok('PHP reports a lack of memory', ran_out_of_memory($output), $output);
ok('the script ended', !str_contains($output, 'not reached'), $output);
ok('the stored session is as it was', redis()->get(data_key($id)) === $value, redis()->strlen(data_key($id)));
redis()->del(data_key($id));
same('the lock is gone', false, is_locked($id));
--EXPECT--
ok: PHP reports a lack of memory
ok: the script ended
ok: the stored session is as it was
ok: the lock is gone
