--TEST--
a serializer that cannot encode does not empty the stored session
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
start($id);
$_SESSION['a|b'] = 'the php serializer cannot store this name';
$got = warnings_of(fn () => session_write_close());
same('the stored value is the old one', 'n|i:1;', redis()->get(data_key($id)));
check_warnings('it is told', $got, encode_failed('a|b'), $id);
same('the lock is gone, if PHP has closed the session', PHP_VERSION_ID >= 80600, is_locked($id));
--EXPECT--
ok: the stored value is the old one
ok: it is told
ok: the lock is gone, if PHP has closed the session
