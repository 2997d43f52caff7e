--TEST--
settings changed while a session is open do not confuse its write
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
start($id);
ini_set('rustredis.locking', '0');
ini_set('rustredis.prefix', 'elsewhere:');
$_SESSION['n'] = 1;
$got = warnings_of(fn () => session_write_close());
same('no warning', [], $got);
same('stored where it was started', 'n|i:1;', redis()->get(data_key($id)));
same('the lock is gone', false, is_locked($id));
same('nothing elsewhere', [], redis()->keys("elsewhere:$id*"));
--EXPECT--
ok: no warning
ok: stored where it was started
ok: the lock is gone
ok: nothing elsewhere
