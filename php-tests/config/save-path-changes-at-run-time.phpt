--TEST--
one script may use several servers one after the other
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$one = RedisServer::start();
$two = RedisServer::start();
$id = new_id();
for ($i = 1; $i <= 3; $i++) {
    foreach ([$one, $two] as $server) {
        session_save_path($server->save_path());
        start($id);
        $_SESSION = ['port' => $server->port, 'i' => $i];
        session_write_close();
    }
}
same('the first', "port|i:$one->port;i|i:3;", $one->resp()->get(data_key($id)));
same('the second', "port|i:$two->port;i|i:3;", $two->resp()->get(data_key($id)));
same('no reconnect', 0, rustredis_status()['reconnects']);
--EXPECT--
ok: the first
ok: the second
ok: no reconnect
