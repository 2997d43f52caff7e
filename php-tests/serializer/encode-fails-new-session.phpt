--TEST--
a serializer that cannot encode a new session: nothing is stored
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
start($id);
$_SESSION['a|b'] = 1;
$got = warnings_of(fn () => session_write_close());
check_warnings('it is told', $got, encode_failed('a|b'), $id);
same('nothing is stored', null, redis()->get(data_key($id)));
same('the lock is gone, if PHP has closed the session', PHP_VERSION_ID >= 80600, is_locked($id));
--EXPECT--
ok: it is told
ok: nothing is stored
ok: the lock is gone, if PHP has closed the session
