--TEST--
lock_failure=readonly: a session that was not changed closes with one warning, which says who held its lock
--INI--
rustredis.lock_wait=0
rustredis.lock_failure=readonly
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
redis()->set(lock_key($id), foreign_token(), 'PX', 30000);
same('nothing is raised at the start', [], warnings_of(fn () => start($id)));
$got = warnings_of(fn () => session_write_close());
check_warnings('one warning', $got, [['rustredis: .* is read-only for this request', 'other-host, pid 4242']], $id);
same('the stored value stays', 'n|i:1;', redis()->get(data_key($id)));
same('the lock too', true, is_locked($id));
--EXPECT--
ok: nothing is raised at the start
ok: one warning
ok: the stored value stays
ok: the lock too
