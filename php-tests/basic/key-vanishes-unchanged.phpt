--TEST--
the key vanishes while the session is open: closing it unchanged stores it again
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
start($id);
redis()->del(data_key($id));
$got = warnings_of(fn () => session_write_close());
same('no warning', [], $got);
same('the session is back', 'n|i:1;', redis()->get(data_key($id)));
ok('with a TTL', redis()->ttl(data_key($id)) > 1400);
same('the lock is gone', false, is_locked($id));
--EXPECT--
ok: no warning
ok: the session is back
ok: with a TTL
ok: the lock is gone
