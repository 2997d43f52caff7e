--TEST--
a server that is no Redis: a warning, no endless wait
--INI--
rustredis.connect_timeout=1
rustredis.read_timeout=1
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$port = php_server('echo "hello";');
ini_set('session.save_path', "tcp://127.0.0.1:$port");
$time = seconds(function () use (&$got, &$result) {
    $got = warnings_of(function () use (&$result) {
        $result = start(new_id());
    });
});
same('session_start() is false', false, $result);
check_warnings('one warning', $got, [['rustredis: ', "127\\.0\\.0\\.1:$port"], READ_FAILED]);
ok('in time', $time < 15, $time);
--EXPECT--
ok: session_start() is false
ok: one warning
ok: in time
