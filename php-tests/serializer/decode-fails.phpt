--TEST--
a stored value that cannot be decoded is kept aside for a day; the lock is released, no crash
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
redis()->set(data_key($id), 'n|not-serialized', 'EX', 100);
$got = warnings_of(fn () => start($id));
check_warnings('one warning of ours, one of PHP', $got, [['rustredis: ', 'decoded', 'ASIDE'], 'Failed to decode session object'], $id);
preg_match('/' . PREFIX . 'ASIDE:\w+/', $got[0] ?? '', $m);
same('the value is kept under the key that it names', 'n|not-serialized', redis()->get($m[0] ?? ''));
$ttl = redis()->ttl($m[0] ?? '');
ok('for a day', $ttl > 86000 && $ttl <= 86400, $ttl);
same('the session is empty', [], $_SESSION);
same('the lock is gone', false, is_locked($id));
same('the same id can be used again', true, start($id));
$_SESSION['n'] = 1;
session_write_close();
same('and is stored', 'n|i:1;', redis()->get(data_key($id)));
--EXPECT--
ok: one warning of ours, one of PHP
ok: the value is kept under the key that it names
ok: for a day
ok: the session is empty
ok: the lock is gone
ok: the same id can be used again
ok: and is stored
