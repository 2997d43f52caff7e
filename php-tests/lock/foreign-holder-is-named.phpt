--TEST--
the warning names a phpredis holder as well
--INI--
rustredis.lock_wait=0
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
redis()->set(lock_key($id), 'old-host|4711', 'PX', 60000);
$got = warnings_of(fn () => start($id));
check_warnings('host and pid', $got, [['rustredis: ', 'old-host', '4711'], READ_FAILED], $id);
$hex = bin2hex(random_bytes(16));
redis()->set(lock_key($id), $hex, 'PX', 60000);
$got = warnings_of(fn () => start($id));
check_warnings('a bare token is not printed', $got, [['rustredis: ', 'lock'], READ_FAILED], $id, $hex);
--EXPECT--
ok: host and pid
ok: a bare token is not printed
