--TEST--
lock_failure=readonly: the data is there, a changed session is refused with a warning
--INI--
rustredis.lock_wait=0
rustredis.lock_failure=readonly
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
redis()->set(lock_key($id), $lock = foreign_token('web-7', 31337), 'PX', 30000);
$got = warnings_of(function () use ($id, &$result) {
    $result = start($id);
});
same('it starts', true, $result);
same('the values are there', ['n' => 1], $_SESSION);
same('nothing is raised', [], $got);
$_SESSION['n'] = 2;
$got = warnings_of(function () use (&$result) {
    $result = session_write_close();
});
same('session_write_close() is true as ever', true, $result);
check_warnings('the write is refused', $got, [['rustredis: ', 'lock', 'readonly'], WRITE_FAILED, ['is read-only for this request', 'web-7, pid 31337']], $id);
same('the stored value stays', 'n|i:1;', redis()->get(data_key($id)));
same('the lock too', $lock, redis()->get(lock_key($id)));

// A session_reset() that gets the lock reads anew, and nothing is read-only any more.
start($id);
redis()->del(lock_key($id));
$got = warnings_of(function () use (&$result) {
    $result = session_reset();
    $_SESSION['n'] = 3;
    session_write_close();
});
same('reset and saved', [true, 'n|i:3;', []], [$result, redis()->get(data_key($id)), $got]);
--EXPECT--
ok: it starts
ok: the values are there
ok: nothing is raised
ok: session_write_close() is true as ever
ok: the write is refused
ok: the stored value stays
ok: the lock too
ok: reset and saved
