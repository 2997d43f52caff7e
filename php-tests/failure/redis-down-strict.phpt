--TEST--
Redis is down, strict mode: the same single warning
--INI--
session.use_strict_mode=1
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$port = free_port();
ini_set('session.save_path', "tcp://127.0.0.1:$port");
$id = new_id();
$got = warnings_of(function () use ($id, &$result) {
    $result = start($id);
});
same('session_start() is false', false, $result);
check_warnings('one warning of ours', $got, [['rustredis: ', "127\\.0\\.0\\.1:$port"], READ_FAILED], $id);
$got = warnings_of(function () use (&$result) {
    session_id('');
    $result = session_start();
});
same('without an id: session_start() is false', false, $result);
check_warnings('without an id: one warning of ours', $got, [['rustredis: ', "127\\.0\\.0\\.1:$port"], READ_FAILED]);
--EXPECT--
ok: session_start() is false
ok: one warning of ours
ok: without an id: session_start() is false
ok: without an id: one warning of ours
