--TEST--
with locking off, lock() and tryLock() lock what they are asked to
--FILE--
<?php
require __DIR__ . '/class.inc';

use RustRedis\SessionHandler;

[$handler, $other] = [new SessionHandler(null, ['locking' => 0]), new SessionHandler(null, ['locking' => '0', 'lock_wait' => 0])];
$id = new_id();
redis()->set(data_key($id), 'stored', 'EX', 100);
same('a read and a write', ['stored', true], [$handler->read($id), $handler->write($id, 'a')]);
same('two at once', ['a', 'a', true, true], [$handler->read($id), $other->read($id), $handler->write($id, 'b'), $other->write($id, 'c')]);
same('the last one wins', 'c', redis()->get(data_key($id)));
same('no lock was taken', [false, false], [is_locked($id), $handler->isLocked($id)]);
$handler->lock($id);
same('lock()', [true, true], [is_locked($id), $handler->isLocked($id)]);
same('the read that follows costs no trip', 0, trips(fn () => same('and is of the locked session', 'c', $handler->read($id))));
same('another is refused', [false, 'LockTimeoutException'], [$other->tryLock($id), thrown(fn () => $other->lock($id, 5))]);
same('but reads without the lock', 'c', $other->read($id));
same('the write releases it', [true, false], [$handler->write($id, 'd'), is_locked($id)]);
same('tryLock()', true, $other->tryLock($id));
same('is the same lock', [true, 'd'], [is_locked($id), $other->read($id)]);
$other->release($id);
same('no lock is left', [false, 'd'], [is_locked($id), redis()->get(data_key($id))]);
redis()->set(lock_key($id), foreign_token(), 'PX', 60000);
same('a taken lock', [false, false], [$handler->tryLock($id), $handler->isLocked($id)]);
same('nobody queues', 0, (int) redis()->exists(side_key($id, 'WAITERS')));
$time = seconds(fn () => same('lock() with a wait of its own', 'LockTimeoutException', thrown(fn () => $handler->lock($id, 0.2))));
ok('waits for that long', $time >= 0.2 && $time < 9 * slowness(), $time);
foreach ([-1, 3601, NAN, INF] as $wait) {
    same('a bad wait', 'ValueError', thrown(fn () => $handler->lock($id, $wait)));
}
redis()->del(lock_key($id));
--EXPECT--
ok: a read and a write
ok: two at once
ok: the last one wins
ok: no lock was taken
ok: lock()
ok: and is of the locked session
ok: the read that follows costs no trip
ok: another is refused
ok: but reads without the lock
ok: the write releases it
ok: tryLock()
ok: is the same lock
ok: no lock is left
ok: a taken lock
ok: nobody queues
ok: lock() with a wait of its own
ok: waits for that long
ok: a bad wait
ok: a bad wait
ok: a bad wait
ok: a bad wait
