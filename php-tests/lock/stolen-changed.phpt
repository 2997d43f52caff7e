--TEST--
a changed session whose lock was lost is refused, with a warning; the newer data stays
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
start($id);
redis()->set(lock_key($id), $thief = foreign_token('web-7', 31337), 'PX', 30000);
redis()->set(data_key($id), 'n|i:100;', 'EX', 1000);
$_SESSION['n'] = 2;
$got = warnings_of(function () use (&$result) {
    $result = session_write_close();
});
same('session_write_close() is true as ever', true, $result);
check_warnings('one warning of ours, one of PHP', $got, [['^session_write_close\(\): rustredis: ', 'lock'], WRITE_FAILED], $id);
same('the newer data stays', 'n|i:100;', redis()->get(data_key($id)));
same('the lock of the other too', $thief, redis()->get(lock_key($id)));
same('it is counted', 1, rustredis_status()['refused_writes']);
--EXPECT--
ok: session_write_close() is true as ever
ok: one warning of ours, one of PHP
ok: the newer data stays
ok: the lock of the other too
ok: it is counted
