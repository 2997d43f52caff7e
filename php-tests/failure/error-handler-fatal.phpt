--TEST--
a user error handler that ends in a fatal error inside our warning
--SKIPIF--
<?php getenv('USE_ZEND_ALLOC') === '0' && die('skip memory_limit is kept by the allocator of PHP that is off here');
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
$child = Child::run('
    start($argv[1]);
    redis()->set(lock_key($argv[1]), foreign_token(), "PX", 60000);
    $_SESSION["n"] = 2;
    set_error_handler(function () { $x = str_repeat("x", 200 << 20); });
    session_write_close();', [$id], ['memory_limit' => '32M']);
$output = $child->output();
ok('PHP reports it', ran_out_of_memory($output), $output);
same('an ordinary end, no crash', 255, $child->exit_code());
same('the stored value stays', 'n|i:1;', redis()->get(data_key($id)));
--EXPECT--
ok: PHP reports it
ok: an ordinary end, no crash
ok: the stored value stays
