--TEST--
read_and_close takes no lock and costs one round trip
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1], 100);
start(new_id());
session_write_close();

$trips = trips(fn () => start($id, ['read_and_close' => true]));
same('the values are there', ['n' => 1], $_SESSION);
same('the session is closed', PHP_SESSION_NONE, session_status());
same('one round trip', 1, $trips);
same('no lock is left', false, is_locked($id));
$_SESSION['n'] = 2;
session_write_close();
same('nothing is written', 'n|i:1;', redis()->get(data_key($id)));
ok('a session that is only read does not expire', redis()->ttl(data_key($id)) > 100, redis()->ttl(data_key($id)));
--EXPECT--
ok: the values are there
ok: the session is closed
ok: one round trip
ok: no lock is left
ok: nothing is written
ok: a session that is only read does not expire
