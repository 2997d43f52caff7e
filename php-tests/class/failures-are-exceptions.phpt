--TEST--
each failure is an exception of its kind, without a warning and without the whole id
--FILE--
<?php
require __DIR__ . '/class.inc';

use RustRedis\SessionHandler;

$server = RedisServer::start();
$id = new_id();
$thrown = null;
$fails = function (string $class, callable $what, string ...$parts) use (&$thrown, $id) {
    $warnings = warnings_of(function () use ($what, $class, &$thrown) {
        same('the exception', $class, thrown($what, $thrown));
    });
    same('no warning', [], $warnings);
    ok('a RuntimeException with a message', $thrown instanceof RuntimeException && str_starts_with($thrown->getMessage(), 'rustredis: session ' . substr($id, 0, 6) . '... at tcp://'), $thrown);
    foreach ($parts as $part) {
        ok("it says: $part", str_contains($thrown->getMessage(), $part), $thrown->getMessage());
    }
    ok('without the id', !str_contains($thrown->getMessage(), $id));
};
$handler = new SessionHandler('tcp://127.0.0.1:' . free_port());
foreach (['read', 'validateId', 'destroy', 'lock', 'tryLock', 'peek', 'exists'] as $method) {
    $fails('ConnectionException', fn () => $handler->$method($id), 'cannot connect');
}
foreach (['write', 'updateTimestamp'] as $method) {
    $fails('ConnectionException', fn () => (new SessionHandler('tcp://127.0.0.1:1'))->$method($id, 'x'), 'was not saved');
    $fails('SessionException', fn () => $handler->$method($id, 'x'), 'this request could not read it');
}
same('what does not ask Redis', [true, 0, false], [$handler->close(), $handler->gc(1), $handler->isLocked($id)]);

ini_set('session.save_path', $server->save_path());
$handler = new SessionHandler(null, ['lock_wait' => 0.1, 'max_value_size' => '1K']);
$hold = foreign_token();
$server->resp()->set(lock_key($id), $hold, 'PX', 60000);
foreach (['read' => 'read', 'lock' => 'locked'] as $method => $word) {
    $fails('LockTimeoutException', fn () => $handler->$method($id), "can't be $word", 'did not become free within 0.1 s');
    same('the holder', ['other-host', 4242, 'fpm-fcgi'], [$thrown->getHolder()['host'], $thrown->getHolder()['pid'], $thrown->getHolder()['sapi']]);
}
$fails('LockTimeoutException', fn () => $handler->lock($id, 0.0), 'within 0 s');
same('tryLock() is told no', false, $handler->tryLock($id));
same('the lock stays with its holder', $hold, $server->resp()->get(lock_key($id)));
$server->resp()->del(lock_key($id));
$server->resp()->set(data_key($id), 'stored');
$fails('SessionException', fn () => $handler->write($id, 'x'), 'this request could not read it');
same('after a read', 'stored', $handler->read($id));
$fails('SessionException', fn () => $handler->write($id, str_repeat('x', 1025)), 'rustredis.max_value_size');
same('the lock stays, and a smaller value is written', [true, true], [$handler->isLocked($id), $handler->write($id, 'small')]);
$handler->read($id);
$server->resp()->config('SET', 'maxmemory', '1');
$fails('RefusedException', fn () => $handler->write($id, 'grows'), 'OOM');
same('the lock stays for another try', true, $handler->isLocked($id));
$server->resp()->config('SET', 'maxmemory', '0');
same('which succeeds', [true, 'grows'], [$handler->write($id, 'grows'), $server->resp()->get(data_key($id))]);
$handler->read($id);
$server->restart();
$fails('LockLostException', fn () => $handler->write($id, 'x'), 'its key was removed');
$handler->read($id);
$server->kill();
$fails('ConnectionException', fn () => $handler->write($id, 'x'), 'was not saved');
$log = temp_file('', '.log');
ini_set('log_errors', '1');
ini_set('error_log', $log);
same('no warning', [], warnings_of(fn () => same('close()', true, $handler->close())));
--EXPECT--
ok: the exception
ok: no warning
ok: a RuntimeException with a message
ok: it says: cannot connect
ok: without the id
ok: the exception
ok: no warning
ok: a RuntimeException with a message
ok: it says: cannot connect
ok: without the id
ok: the exception
ok: no warning
ok: a RuntimeException with a message
ok: it says: cannot connect
ok: without the id
ok: the exception
ok: no warning
ok: a RuntimeException with a message
ok: it says: cannot connect
ok: without the id
ok: the exception
ok: no warning
ok: a RuntimeException with a message
ok: it says: cannot connect
ok: without the id
ok: the exception
ok: no warning
ok: a RuntimeException with a message
ok: it says: cannot connect
ok: without the id
ok: the exception
ok: no warning
ok: a RuntimeException with a message
ok: it says: cannot connect
ok: without the id
ok: the exception
ok: no warning
ok: a RuntimeException with a message
ok: it says: was not saved
ok: without the id
ok: the exception
ok: no warning
ok: a RuntimeException with a message
ok: it says: this request could not read it
ok: without the id
ok: the exception
ok: no warning
ok: a RuntimeException with a message
ok: it says: was not saved
ok: without the id
ok: the exception
ok: no warning
ok: a RuntimeException with a message
ok: it says: this request could not read it
ok: without the id
ok: what does not ask Redis
ok: the exception
ok: no warning
ok: a RuntimeException with a message
ok: it says: can't be read
ok: it says: did not become free within 0.1 s
ok: without the id
ok: the holder
ok: the exception
ok: no warning
ok: a RuntimeException with a message
ok: it says: can't be locked
ok: it says: did not become free within 0.1 s
ok: without the id
ok: the holder
ok: the exception
ok: no warning
ok: a RuntimeException with a message
ok: it says: within 0 s
ok: without the id
ok: tryLock() is told no
ok: the lock stays with its holder
ok: the exception
ok: no warning
ok: a RuntimeException with a message
ok: it says: this request could not read it
ok: without the id
ok: after a read
ok: the exception
ok: no warning
ok: a RuntimeException with a message
ok: it says: rustredis.max_value_size
ok: without the id
ok: the lock stays, and a smaller value is written
ok: the exception
ok: no warning
ok: a RuntimeException with a message
ok: it says: OOM
ok: without the id
ok: the lock stays for another try
ok: which succeeds
ok: the exception
ok: no warning
ok: a RuntimeException with a message
ok: it says: its key was removed
ok: without the id
ok: the exception
ok: no warning
ok: a RuntimeException with a message
ok: it says: was not saved
ok: without the id
ok: close()
ok: no warning
