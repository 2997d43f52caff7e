--TEST--
a changed session whose lock ran out, and that nobody took since
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
start($id);
redis()->del(lock_key($id));
$_SESSION['n'] = 2;
$got = warnings_of(fn () => session_write_close());
// Somebody may have held the lock in between and be gone: the write is refused.
check_warnings('one warning of ours, one of PHP', $got, [['rustredis: ', 'lock'], WRITE_FAILED], $id);
same('the stored value stays', 'n|i:1;', redis()->get(data_key($id)));
same('no lock is left', false, is_locked($id));
--EXPECT--
ok: one warning of ours, one of PHP
ok: the stored value stays
ok: no lock is left
