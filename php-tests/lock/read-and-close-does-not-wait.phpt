--TEST--
read_and_close reads at once while another request holds the lock
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
redis()->set(lock_key($id), $lock = foreign_token(), 'PX', 30000);
$time = seconds(function () use ($id) {
    same('it starts', true, start($id, ['read_and_close' => true]));
});
same('the values are there', ['n' => 1], $_SESSION);
ok('at once', $time < 3, $time);
same('the lock is left alone', $lock, redis()->get(lock_key($id)));
--EXPECT--
ok: it starts
ok: the values are there
ok: at once
ok: the lock is left alone
