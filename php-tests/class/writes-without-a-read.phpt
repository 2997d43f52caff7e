--TEST--
a write without a read takes the lock itself, and a second write overwrites nothing but the first one
--FILE--
<?php
require __DIR__ . '/class.inc';

use RustRedis\SessionHandler;

$handler = new SessionHandler();
$id = new_id();
same('a write without a read', true, $handler->write($id, 'one'));
same('is stored, and unlocked', ['one', false], [redis()->get(data_key($id)), is_locked($id)]);
same('a second write', true, $handler->write($id, 'two'));
same('is stored, and unlocked', ['two', false], [redis()->get(data_key($id)), is_locked($id)]);
$other = new SessionHandler();
same('another object reads and writes', ['two', true], [$other->read($id), $other->write($id, 'theirs')]);
foreach (['third', 'fourth'] as $nth) {
    same("a $nth write is refused", 'LockLostException', thrown(fn () => $handler->write($id, 'mine')));
    same('theirs stays, unlocked', ['theirs', false], [redis()->get(data_key($id)), is_locked($id)]);
}
same('after a read', 'theirs', $handler->read($id));
same('it is written', true, $handler->write($id, 'mine'));
redis()->set(data_key($id), 'mine', 'EX', 100);
same('the same bytes, whoever stored them', true, $handler->write($id, 'again'));
redis()->del(data_key($id));
same('one that vanished', true, $handler->write($id, 'stays'));
same('is stored', 'stays', redis()->get(data_key($id)));
$other->destroy($id);
same('one that was destroyed', 'SessionDestroyedException', thrown(fn () => $handler->write($id, 'x')));
same('stays destroyed', null, redis()->get(data_key($id)));
same('a read starts over', [true, ''], [$handler->close(), $handler->read($id)]);
same('and is written', [true, 'new'], [$handler->write($id, 'new'), redis()->get(data_key($id))]);

// A write after the release of what was read, as a middleware behind the one that closes.
foreach (['release', 'close'] as $how) {
    $handler->read($id);
    $handler->$how();
    same("nobody wrote: $how()", true, $handler->write($id, $how));
    $handler->read($id);
    $handler->$how();
    $other->read($id);
    $other->write($id, 'theirs');
    same("somebody wrote: $how()", 'LockLostException', thrown(fn () => $handler->write($id, 'stale')));
    same('theirs stays, unlocked', ['theirs', false], [redis()->get(data_key($id)), is_locked($id)]);
}
$handler->read($id);
$handler->close();
$other->destroy($id);
same('somebody destroyed it', 'SessionDestroyedException', thrown(fn () => $handler->write($id, 'zombie')));
same('it stays destroyed, unlocked', [null, false], [redis()->get(data_key($id)), is_locked($id)]);
same('none is stored', '', $handler->read($id));
$handler->close();
$other->write($id, 'theirs');
same('somebody has begun it', 'LockLostException', thrown(fn () => $handler->write($id, 'stale')));
$unlocked = new SessionHandler(null, ['locking' => false]);
$unlocked->read($id);
$other->write($id, 'newer');
$unlocked->lock($id);
same('a lock after the read', 'LockLostException', thrown(fn () => $unlocked->write($id, 'stale')));
same('newer stays, unlocked', ['newer', false], [redis()->get(data_key($id)), is_locked($id)]);
$unlocked->lock($id);
same('a read under the lock', ['newer', true], [$unlocked->read($id), $unlocked->write($id, 'new')]);

// Laravel's login: destroy(old), and much later write(new) without a read.
[$old, $new] = [$id, new_id()];
$handler->read($old);
$handler->destroy($old);
same('login', true, $handler->write($new, 'user'));
same('the old one is gone, the new one stored', [null, 'user'], [redis()->get(data_key($old)), redis()->get(data_key($new))]);
// Its save() in the middle of a request, and the write at the end.
$handler->read($new);
same('save() in the middle', [true, true], [$handler->write($new, 'middle'), $handler->write($new, 'end')]);
// A precognitive request reads and never writes.
$handler->read($new);
$handler->close();
same('no lock is left', [false, 'end'], [is_locked($new), redis()->get(data_key($new))]);
// A lock that was lost before the write.
$handler->read($new);
redis()->set(lock_key($new), foreign_token(), 'PX', 60000);
same('a lost lock', 'LockLostException', thrown(fn () => $handler->write($new, 'late'), $thrown));
ok('the message has the holder', str_contains($thrown->getMessage(), 'other-host, pid 4242'), $thrown->getMessage());
same('what is stored stays', 'end', redis()->get(data_key($new)));
redis()->del(lock_key($new));
$handler = new SessionHandler(null, ['lock_lease' => 1, 'lock_max_hold' => 1]);
$handler->read($new);
poll('lock_max_hold', fn () => !is_locked($new));
same('a lock that was held for too long', 'LockLostException', thrown(fn () => $handler->write($new, 'late')));
same('what is stored stays', 'end', redis()->get(data_key($new)));
--EXPECT--
ok: a write without a read
ok: is stored, and unlocked
ok: a second write
ok: is stored, and unlocked
ok: another object reads and writes
ok: a third write is refused
ok: theirs stays, unlocked
ok: a fourth write is refused
ok: theirs stays, unlocked
ok: after a read
ok: it is written
ok: the same bytes, whoever stored them
ok: one that vanished
ok: is stored
ok: one that was destroyed
ok: stays destroyed
ok: a read starts over
ok: and is written
ok: nobody wrote: release()
ok: somebody wrote: release()
ok: theirs stays, unlocked
ok: nobody wrote: close()
ok: somebody wrote: close()
ok: theirs stays, unlocked
ok: somebody destroyed it
ok: it stays destroyed, unlocked
ok: none is stored
ok: somebody has begun it
ok: a lock after the read
ok: newer stays, unlocked
ok: a read under the lock
ok: login
ok: the old one is gone, the new one stored
ok: save() in the middle
ok: no lock is left
ok: a lost lock
ok: the message has the holder
ok: what is stored stays
ok: a lock that was held for too long
ok: what is stored stays
