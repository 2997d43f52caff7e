--TEST--
a lock that runs out while a request waits for it is taken over
--INI--
rustredis.lock_wait=10
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
redis()->set(lock_key($id), foreign_token(), 'PX', 700);
$time = seconds(function () use ($id) {
    same('it starts', true, start($id));
});
ok('soon after the lease', $time > 0.4 && $time < 5, $time);
same('the values are there', ['n' => 1], $_SESSION);
session_write_close();
same('no lock is left', false, is_locked($id));
--EXPECT--
ok: it starts
ok: soon after the lease
ok: the values are there
ok: no lock is left
