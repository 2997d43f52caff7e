--TEST--
read_and_close is recognised by value, and only in the call that asks for it
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
redis()->set(lock_key($id), foreign_token(), 'PX', 30000);
ini_set('rustredis.lock_wait', '0.2');

foreach (['true' => true, '1' => 1, 'text 1' => '1'] as $name => $value) {
    $_SESSION = [];
    same("read_and_close => $name does not wait for the lock", true, @start($id, ['read_and_close' => $value]));
}
foreach (['false' => false, '0' => 0] as $name => $value) {
    same("read_and_close => $name does", false, @start($id, ['read_and_close' => $value]));
}
same('so does a call without it', false, @start($id));

$options = ['read_and_close' => true, 'gc_maxlifetime' => '500'];
same('with other options', true, call_user_func('session_start', $options) && session_id() !== '');
--EXPECT--
ok: read_and_close => true does not wait for the lock
ok: read_and_close => 1 does not wait for the lock
ok: read_and_close => text 1 does not wait for the lock
ok: read_and_close => false does
ok: read_and_close => 0 does
ok: so does a call without it
ok: with other options
