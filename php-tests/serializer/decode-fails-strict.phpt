--TEST--
strict mode: a stored value that cannot be decoded does not end in a loop or a crash
--INI--
session.use_strict_mode=1
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
same('no lock is left', false, is_locked($id));
session_id('');
same('another session starts', true, session_start());
--EXPECT--
ok: one warning of ours, one of PHP
ok: the value is kept under the key that it names
ok: for a day
ok: no lock is left
ok: another session starts
