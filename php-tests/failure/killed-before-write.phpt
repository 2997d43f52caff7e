--TEST--
Redis dies before the write: a warning, no crash
--INI--
rustredis.connect_timeout=1
rustredis.read_timeout=1
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$server = RedisServer::start();
ini_set('session.save_path', $server->save_path());
$id = new_id();
start($id);
$_SESSION['n'] = 1;
$server->kill();
$time = seconds(function () use (&$got, &$result) {
    $got = warnings_of(function () use (&$result) {
        $result = session_write_close();
    });
});
same('it is true as ever', true, $result);
check_warnings('one warning of ours, one of PHP', $got, [['rustredis: ', $server->address()], WRITE_FAILED], $id);
ok('in time', $time < 20, $time);
--EXPECT--
ok: it is true as ever
ok: one warning of ours, one of PHP
ok: in time
