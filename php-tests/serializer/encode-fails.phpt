--TEST--
a serializer that cannot encode does not empty the stored session
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
start($id);
$_SESSION['a|b'] = 'the php serializer cannot store this name';
$got = warnings_of(fn () => session_write_close());
same('the stored value is the old one', 'n|i:1;', redis()->get(data_key($id)));
check_warnings('one warning of ours, one of PHP', $got, [['rustredis: '], WRITE_FAILED], $id);
same('the lock is gone', false, is_locked($id));
--EXPECT--
ok: the stored value is the old one
ok: one warning of ours, one of PHP
ok: the lock is gone
