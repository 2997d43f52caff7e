--TEST--
json: a session of 8 MB goes both ways, and costs two round trips
--INI--
session.serialize_handler=json
memory_limit=512M
; On a slow machine a third of the lease goes by, and its renewal would be counted.
rustredis.lock_lease=120
--FILE--
<?php
require __DIR__ . '/../support/support.inc';
require __DIR__ . '/exact.inc';

$rows = [];
for ($i = 0; $i < intdiv(70_000, slowness()); $i++) {
    $rows[] = ['id' => $i, 'name' => "Zoë $i", 'price' => $i / 7, 'tags' => ['a', "b$i"], 'bytes' => "\xff$i", 'ok' => $i % 2 === 0];
}
$session = ['rows' => $rows, 'text' => str_repeat("line\n", intdiv(100_000, slowness()))];
start(new_id());
session_write_close();
redis()->del(data_key(session_id()));
$id = new_id();
same('trips', 2, trips(function () use ($id, $session) {
    start($id);
    $_SESSION = $session;
    session_write_close();
}));
ok('more than 8 MB', redis()->strlen(data_key($id)) * slowness() > 8 << 20, redis()->strlen(data_key($id)));
$_SESSION = [];
start($id);
ok('it comes back', exact($_SESSION) === exact($session));
same('unchanged: trips', 1, trips(fn () => session_write_close()));
redis()->del(data_key($id));
--EXPECT--
ok: trips
ok: more than 8 MB
ok: it comes back
ok: unchanged: trips
