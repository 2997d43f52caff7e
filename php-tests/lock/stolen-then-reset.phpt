--TEST--
session_reset() after the lock was lost waits for it like a start, and fails
--INI--
rustredis.lock_wait=0.3
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
start($id);
redis()->set(lock_key($id), $thief = foreign_token('web-7', 31337), 'PX', 30000);
$got = warnings_of(fn () => session_reset());
check_warnings('the warning names the holder', $got, [['^session_reset\(\): rustredis: ', 'lock', 'web-7', '31337'], 'Failed to read session data: rustredis'], $id);
same('the session is closed', PHP_SESSION_NONE, session_status());
same('the lock of the other stays', $thief, redis()->get(lock_key($id)));
same('the stored value too', 'n|i:1;', redis()->get(data_key($id)));
--EXPECT--
ok: the warning names the holder
ok: the session is closed
ok: the lock of the other stays
ok: the stored value too
