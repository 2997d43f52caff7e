--TEST--
a lock that this very thread holds is refused at once: a second object, a fiber, and $_SESSION on either side
--FILE--
<?php
require __DIR__ . '/class.inc';

use RustRedis\SessionHandler;

ini_set('rustredis.lock_wait', '60');
[$one, $two] = [new SessionHandler(), new SessionHandler()];
$id = new_id();
store_session($id, ['n' => 1]);
$refused = function (string $who, SessionHandler $handler) use ($id) {
    foreach (['read', 'validateId', 'lock'] as $method) {
        same("$who: $method()", 'LockTimeoutException', thrown(fn () => $handler->$method($id), $thrown));
        ok("$who: the reason", str_contains($thrown->getMessage(), 'this very process has its lock'), $thrown->getMessage());
    }
    same("$who: tryLock()", false, $handler->tryLock($id));
    same("$who: peek(), exists()", ['n|i:1;', true], [$handler->peek($id), $handler->exists($id)]);
};
$time = seconds(function () use ($one, $two, $id, $refused) {
    $one->read($id);
    $refused('a second object', $two);
    same('a second object: write()', 'LockTimeoutException', thrown(fn () => (new SessionHandler())->write($id, 'x')));
    same('the object itself reads again', 'n|i:1;', $one->read($id));
    same('but takes the lock only once', ['LockTimeoutException', false], [thrown(fn () => $one->lock($id)), $one->tryLock($id)]);
    $fiber = new Fiber(fn () => $refused('a fiber', $one));
    $fiber->start();
    $got = warnings_of(fn () => same('$_SESSION beside it', false, start($id)));
    check_warnings('the warning', $got, [['this very process has its lock'], READ_FAILED], $id);
    same('the lock stays', true, is_locked($id));
    same('it is written', true, $one->write($id, 'n|i:1;'));

    $fiber = new Fiber(function () use ($one, $id) {
        $one->read($id);
        Fiber::suspend();
        $one->write($id, 'n|i:1;');
    });
    $fiber->start();
    $refused('beside a fiber', $one);
    $write = fn (): array => [thrown(fn () => $one->write($id, 'x')), thrown(fn () => $one->updateTimestamp($id, 'x')), thrown(fn () => $one->destroy($id))];
    same('and may not write there', array_fill(0, 3, 'LockTimeoutException'), $write());
    (new Fiber(function () use ($one, $id, $write) {
        same('nor may another fiber', array_fill(0, 3, 'LockTimeoutException'), $write());
        $one->release($id);
        $one->close();
    }))->start();
    same('which gives back no lock but its own', true, $one->isLocked($id));
    $fiber->resume();
    same('the fiber goes on', ['n|i:1;', false], [redis()->get(data_key($id)), is_locked($id)]);

    $fiber = new Fiber(fn () => $one->read($id));
    $fiber->start();
    same('a fiber leaves its session to the code after it', true, $one->write($id, 'n|i:1;'));

    same('$_SESSION', true, start($id));
    $refused('beside $_SESSION', $one);
    same('another id beside $_SESSION', true, $one->write(new_id(), 'x'));
    $_SESSION['n'] = 2;
    session_write_close();
    same('$_SESSION was saved', 'n|i:2;', redis()->get(data_key($id)));
});
// lock_wait is 60 s.
ok('nothing waited', $time < 50 * slowness(), $time);
same('it is free', 'n|i:2;', $two->read($id));
$two->close();
--EXPECT--
ok: a second object: read()
ok: a second object: the reason
ok: a second object: validateId()
ok: a second object: the reason
ok: a second object: lock()
ok: a second object: the reason
ok: a second object: tryLock()
ok: a second object: peek(), exists()
ok: a second object: write()
ok: the object itself reads again
ok: but takes the lock only once
ok: a fiber: read()
ok: a fiber: the reason
ok: a fiber: validateId()
ok: a fiber: the reason
ok: a fiber: lock()
ok: a fiber: the reason
ok: a fiber: tryLock()
ok: a fiber: peek(), exists()
ok: $_SESSION beside it
ok: the warning
ok: the lock stays
ok: it is written
ok: beside a fiber: read()
ok: beside a fiber: the reason
ok: beside a fiber: validateId()
ok: beside a fiber: the reason
ok: beside a fiber: lock()
ok: beside a fiber: the reason
ok: beside a fiber: tryLock()
ok: beside a fiber: peek(), exists()
ok: and may not write there
ok: nor may another fiber
ok: which gives back no lock but its own
ok: the fiber goes on
ok: a fiber leaves its session to the code after it
ok: $_SESSION
ok: beside $_SESSION: read()
ok: beside $_SESSION: the reason
ok: beside $_SESSION: validateId()
ok: beside $_SESSION: the reason
ok: beside $_SESSION: lock()
ok: beside $_SESSION: the reason
ok: beside $_SESSION: tryLock()
ok: beside $_SESSION: peek(), exists()
ok: another id beside $_SESSION
ok: $_SESSION was saved
ok: nothing waited
ok: it is free
