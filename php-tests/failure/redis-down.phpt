--TEST--
Redis is down: session_start() is false within connect_timeout, with one warning
--INI--
rustredis.connect_timeout=2
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$port = free_port();
ini_set('session.save_path', "tcp://127.0.0.1:$port");
$id = new_id();
$time = seconds(function () use ($id, &$got, &$result) {
    $got = warnings_of(function () use ($id, &$result) {
        $result = start($id);
    });
});
same('session_start() is false', false, $result);
check_warnings('the warning says where and why', $got, [['^session_start\(\): rustredis: ', "127\\.0\\.0\\.1:$port", 'refused'], READ_FAILED], $id);
ok('in time', $time < 6, $time);
same('there is no session', PHP_SESSION_NONE, session_status());
same('and none is written', false, session_write_close());
--EXPECT--
ok: session_start() is false
ok: the warning says where and why
ok: in time
ok: there is no session
ok: and none is written
