--TEST--
lock_failure=readonly: an unchanged session closes without a word
--INI--
rustredis.lock_wait=0
rustredis.lock_failure=readonly
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
redis()->set(lock_key($id), foreign_token(), 'PX', 30000);
@start($id);
$got = warnings_of(fn () => session_write_close());
same('no warning', [], $got);
same('the stored value stays', 'n|i:1;', redis()->get(data_key($id)));
same('the lock too', true, is_locked($id));
--EXPECT--
ok: no warning
ok: the stored value stays
ok: the lock too
