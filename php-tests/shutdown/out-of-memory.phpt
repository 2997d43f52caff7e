--TEST--
out of memory with an open session stores it
--SKIPIF--
<?php getenv('USE_ZEND_ALLOC') === '0' && die('skip memory_limit is kept by the allocator of PHP that is off here');
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
$child = Child::plain('session_id($argv[1]); session_start(); $_SESSION["n"] = 1; $x = str_repeat("x", 100 << 20);', [$id], ['memory_limit' => '16M']);
ok('PHP reports it', ran_out_of_memory($output = $child->output()) && !str_contains($output, 'rustredis'), $output);
same('the session is stored', 'n|i:1;', redis()->get(data_key($id)));
same('the lock is gone', false, is_locked($id));
--EXPECT--
ok: PHP reports it
ok: the session is stored
ok: the lock is gone
