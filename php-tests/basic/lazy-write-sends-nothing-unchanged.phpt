--TEST--
lazy_write: an unchanged session costs two round trips at most and does not travel
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['blob' => str_repeat('x', 200000)]);
start(new_id());
session_write_close();

$trips = trips(function () use ($id) {
    start($id);
    session_write_close();
});
ok('two round trips at most', $trips <= 2, $trips);

$server = RedisServer::start();
ini_set('session.save_path', $server->save_path());
store_session($id, ['blob' => str_repeat('x', 200000)], 1440, $server->resp());
start($id);
$received = fn () => (int) preg_replace('/.*total_net_input_bytes:(\d+).*/s', '$1', $server->resp()->info('stats'));
$before = $received();
session_write_close();
ok('closing it sends next to nothing', $received() - $before < 20000, $received() - $before);
--EXPECT--
ok: two round trips at most
ok: closing it sends next to nothing
