--TEST--
a lock that is not free within lock_wait
--INI--
rustredis.lock_wait=0.5
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
redis()->set(lock_key($id), foreign_token('web-7', 31337), 'PX', 30000);
$time = seconds(function () use ($id, &$got, &$result) {
    $got = warnings_of(function () use ($id, &$result) {
        $result = start($id);
    });
});
same('session_start() is false', false, $result);
check_warnings('the warning', $got, [['rustredis: ', 'lock', '0\.5', 'web-7', '31337'], READ_FAILED], $id);
ok('it waited, but not for long', $time >= 0.45 && $time < 5, $time);
same('it left the queue', 0, redis()->zcard(side_key($id, 'WAITERS')));
same('there is no session', PHP_SESSION_NONE, session_status());
--EXPECT--
ok: session_start() is false
ok: the warning
ok: it waited, but not for long
ok: it left the queue
ok: there is no session
