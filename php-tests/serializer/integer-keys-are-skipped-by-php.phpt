--TEST--
serializer php skips integer keys with PHP's own notice, the rest is stored
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
start($id);
$_SESSION['n'] = 1;
$_SESSION[7] = 'seven';
$got = warnings_of(fn () => session_write_close());
check_warnings('PHP tells it', $got, ['Skipping numeric key 7']);
same('the rest is stored', 'n|i:1;', redis()->get(data_key($id)));
--EXPECT--
ok: PHP tells it
ok: the rest is stored
