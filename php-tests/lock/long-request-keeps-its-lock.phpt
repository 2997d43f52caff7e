--TEST--
a request that runs longer than its lease keeps the lock and may write
--INI--
rustredis.lock_lease=1
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
start($id);
$token = redis()->get(lock_key($id));
$child = Child::run('start($argv[1]); say((string) $_SESSION["n"]);', [$id], ['rustredis.lock_wait' => 20]);
poll('the waiter', fn () => redis()->zcard(side_key($id, 'WAITERS')) === 1);
$end = hrtime(true) + 3e9;
$lost = 0;
while (hrtime(true) < $end) {
    $lost += redis()->get(lock_key($id)) !== $token;
    usleep(20000);
}
same('the lock was never gone', 0, $lost);
ok('the other waits', $child->is_silent());
$_SESSION['n'] = 2;
same('the write succeeds', [], warnings_of(fn () => session_write_close()));
same('the waiter sees it', '2', $child->line());
same('and ends', '', $child->output());
same('no lock is left', false, is_locked($id));
--EXPECT--
ok: the lock was never gone
ok: the other waits
ok: the write succeeds
ok: the waiter sees it
ok: and ends
ok: no lock is left
