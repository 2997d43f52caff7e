--TEST--
a session too large for memory_limit is not wiped by the request that fails to read it
--SKIPIF--
<?php getenv('USE_ZEND_ALLOC') === '0' && die('skip memory_limit is kept by the allocator of PHP that is off here');
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
redis()->set(data_key($id), $value = 'v|' . serialize(str_repeat('x', 24 << 20)), 'EX', 1000);
$child = Child::plain('session_id($argv[1]); session_start(); echo "not reached";', [$id], ['memory_limit' => '8M']);
$output = $child->output();
ok('PHP reports a lack of memory', ran_out_of_memory($output), $output);
ok('the script ended', !str_contains($output, 'not reached') || str_contains($output, 'rustredis: '), $output);
ok('the stored session is as it was', redis()->get(data_key($id)) === $value, redis()->strlen(data_key($id)));
redis()->del(data_key($id));
// Some builds of PHP end at once over a hard limit, with 137 as if killed: nobody can release a lock then.
ok('the lock is gone', !is_locked($id) || in_array($child->exit_code(), [137, -SIGKILL], true), $child->exit_code());
--EXPECT--
ok: PHP reports a lack of memory
ok: the script ended
ok: the stored session is as it was
ok: the lock is gone
