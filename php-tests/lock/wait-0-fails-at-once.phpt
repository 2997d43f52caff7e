--TEST--
lock_wait=0: a held lock fails session_start() at once, and the warning names the holder
--INI--
rustredis.lock_wait=0
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
redis()->set(lock_key($id), $lock = foreign_token('web-7', 31337), 'PX', 30000);
$time = seconds(function () use ($id, &$got, &$result) {
    $got = warnings_of(function () use ($id, &$result) {
        $result = start($id);
    });
});
same('session_start() is false', false, $result);
check_warnings('the warning names host and pid', $got, [['^session_start\(\): rustredis: ', 'lock', 'web-7', '31337'], READ_FAILED], $id);
ok('at once', $time < 3, $time);
same('the lock is left alone', $lock, redis()->get(lock_key($id)));
same('the session too', 'n|i:1;', redis()->get(data_key($id)));
same('nobody waits', 0, redis()->exists(side_key($id, 'WAITERS')));
redis()->del(lock_key($id));
same('once it is free it starts', true, start($id));
--EXPECT--
ok: session_start() is false
ok: the warning names host and pid
ok: at once
ok: the lock is left alone
ok: the session too
ok: nobody waits
ok: once it is free it starts
