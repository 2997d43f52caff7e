--TEST--
session_regenerate_id(false) after the lock was lost: false and a warning, the newer data stays
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
start($id);
redis()->set(lock_key($id), $thief = foreign_token(), 'PX', 30000);
redis()->set(data_key($id), 'n|i:100;', 'EX', 1000);
$_SESSION['n'] = 2;
$got = warnings_of(function () use (&$result) {
    $result = session_regenerate_id(false);
});
same('it is false', false, $result);
check_warnings('one warning of ours, one of PHP', $got, [['^session_regenerate_id\(\): rustredis: ', 'lock'], 'Session write failed'], $id);
same('the newer data stays', 'n|i:100;', redis()->get(data_key($id)));
same('the lock of the other too', $thief, redis()->get(lock_key($id)));
--EXPECT--
ok: it is false
ok: one warning of ours, one of PHP
ok: the newer data stays
ok: the lock of the other too
