--TEST--
a database that does not exist: the cause and the setting are named
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

ini_set('session.save_path', 'tcp://127.0.0.1:' . getenv('RUSTREDIS_PORT') . '?database=999');
$got = warnings_of(function () use (&$result) {
    $result = start(new_id());
});
same('session_start() is false', false, $result);
check_warnings('the warning', $got, [['rustredis: ', '127\.0\.0\.1', 'database', '999|out of range'], READ_FAILED]);
--EXPECT--
ok: session_start() is false
ok: the warning
