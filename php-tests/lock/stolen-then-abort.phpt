--TEST--
session_abort() leaves a lock alone that is not its own any more
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
start($id);
redis()->set(lock_key($id), $thief = foreign_token(), 'PX', 30000);
$got = warnings_of(fn () => session_abort());
same('no warning', [], $got);
same('the lock of the other stays', $thief, redis()->get(lock_key($id)));
--EXPECT--
ok: no warning
ok: the lock of the other stays
