--TEST--
Redis was restarted since the last session: one silent reconnect
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$server = RedisServer::start();
ini_set('session.save_path', $server->save_path());
$id = new_id();
start($id);
session_write_close();
$server->restart();
store_session($id, ['n' => 1], 1440, $server->resp());
$got = warnings_of(function () use ($id, &$result) {
    $result = start($id);
});
same('no warning', [], $got);
same('it starts', true, $result);
same('the values are there', ['n' => 1], $_SESSION);
session_write_close();
same('one reconnect is counted', 1, rustredis_status()['reconnects']);
--EXPECT--
ok: no warning
ok: it starts
ok: the values are there
ok: one reconnect is counted
