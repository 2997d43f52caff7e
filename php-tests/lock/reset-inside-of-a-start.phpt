--TEST--
session_reset() inside of a session_start() with read_and_close: the lock stays, and the write goes out under it
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
redis()->set(data_key($id), 'n|i:1;');
start($id);
// "Ignoring session_start() because a session is already active"
set_error_handler(function () {
    restore_error_handler();
    session_reset();
    return true;
});
session_start(['read_and_close' => true]);
same('it is locked', [true, 1], [is_locked($id), count(rustredis_status()['locks'])]);
// The lock gets lost, and another request has its turn.
redis()->del(lock_key($id));
redis()->set(data_key($id), 'n|i:2;');
$_SESSION['n'] = 10;
$got = warnings_of(fn () => session_write_close());
same('nothing is written over it', ['n|i:2;', false], [redis()->get(data_key($id)), is_locked($id)]);
ok('it is said', (bool) preg_grep('/rustredis: .*lost its lock/', $got), $got);
--EXPECT--
ok: it is locked
ok: nothing is written over it
ok: it is said
