--TEST--
a unix socket that does not exist
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

ini_set('session.save_path', 'unix:///nonexistent/redis.sock');
$got = warnings_of(function () use (&$result) {
    $result = start(new_id());
});
same('session_start() is false', false, $result);
check_warnings('the warning says where and why', $got, [['rustredis: ', '/nonexistent/redis\.sock', 'No such file'], READ_FAILED]);
--EXPECT--
ok: session_start() is false
ok: the warning says where and why
