--TEST--
a serializer that cannot encode a new session: nothing is stored, the lock is released
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
start($id);
$_SESSION['a|b'] = 1;
$got = warnings_of(fn () => session_write_close());
check_warnings('one warning of ours, one of PHP', $got, [['rustredis: '], WRITE_FAILED], $id);
same('nothing is stored', null, redis()->get(data_key($id)));
same('the lock is gone', false, is_locked($id));
--EXPECT--
ok: one warning of ours, one of PHP
ok: nothing is stored
ok: the lock is gone
