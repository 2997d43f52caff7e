--TEST--
strict mode: a request with an unknown id does not wait for another that is just finding out the same
--INI--
session.use_strict_mode=1
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

// This makes the connection.
start(new_id());
session_write_close();
$ms = fn () => (function ($time) { return $time[0] * 1000 + intdiv($time[1], 1000); })(redis()->time());
foreach (['plain commands' => 0, 'a script' => 1] as $how => $n) {
    $id = new_id();
    if ($n) {
        // As between the two commands of such a request.
        redis()->set(lock_key($id), 'o:' . bin2hex(random_bytes(16)) . ':0|' . $ms() . '|host|1|cli|', 'PX', 60000);
    }
    ini_set('rustredis.lock_wait', '0');
    same("$how: it starts", true, start($id));
    ok('under another id', session_id() !== $id);
    session_write_close();
    same('nobody stands in a queue', 0, redis()->exists(side_key($id, 'WAITERS')));
    same('the lock', (bool) $n, is_locked($id));
}
// So does one that a clock which was set back has put into the future.
foreach (['while somebody works on it' => -1000, 'whose lock is of a later time' => 60000] as $what => $age) {
    $id = new_id();
    redis()->set(lock_key($id), 'o:' . bin2hex(random_bytes(16)) . ':0|' . ($ms() + $age) . '|host|1|cli|', 'PX', 60000);
    $got = warnings_of(fn () => start($id));
    check_warnings("a session that vanished $what is waited for", $got, [['rustredis.lock_wait'], READ_FAILED], $id);
}
--EXPECT--
ok: plain commands: it starts
ok: under another id
ok: nobody stands in a queue
ok: the lock
ok: a script: it starts
ok: under another id
ok: nobody stands in a queue
ok: the lock
ok: a session that vanished while somebody works on it is waited for
ok: a session that vanished whose lock is of a later time is waited for
