--TEST--
an object of a worker that lives on: close() gives back what an exception left locked, and rustredis.lock_max_hold ends it where nothing does
--INI--
rustredis.lock_lease=1
rustredis.lock_max_hold=3
--FILE--
<?php
require __DIR__ . '/class.inc';

use RustRedis\SessionHandler;

$server = RedisServer::start();
$resp = $server->resp();
$handler = new SessionHandler($server->save_path());
$other = new SessionHandler($server->save_path(), ['lock_wait' => 30]);
$id = new_id();
$handler->write($id, '1');

/** One request of the worker: what it threw. */
$request = function (callable $page, ?callable $end = null) use ($handler, $id): string {
    try {
        $handler->write($id, $page($handler->read($id)));
    } catch (LogicException $exception) {
        return $exception->getMessage();
    } finally {
        if ($end !== null) {
            $end();
        }
    }
    return '';
};
$page_throws = fn () => throw new LogicException('out of the page');
same('an exception', 'out of the page', $request($page_throws, fn () => $handler->close()));
same('close() frees the lock', false, is_locked($id, $resp));
same('the next request works', ['', '1+'], [$request(fn ($data) => "$data+"), $resp->get(data_key($id))]);

same('nothing is called', 'out of the page', $request($page_throws));
$begin = microtime(true);
same('the lock stays', [true, true], [is_locked($id, $resp), $handler->isLocked($id)]);
poll('the lock outlives its lease', fn () => microtime(true) - $begin > 1.5);
same('it is renewed', true, is_locked($id, $resp));
poll('the end of lock_max_hold', fn () => !is_locked($id, $resp));
same('a late write is refused', 'LockLostException', thrown(fn () => $handler->write($id, 'late')));
same('the next request works', ['', '1++'], [$request(fn ($data) => "$data+"), $resp->get(data_key($id))]);
same('a lock of the same thread is not waited for', ['out of the page', 'LockTimeoutException'], [
    $request($page_throws),
    thrown(fn () => $other->read($id)),
]);
$handler->close();
same('and after close() it is had', '1++', $other->read($id));
$other->close();
--EXPECT--
ok: an exception
ok: close() frees the lock
ok: the next request works
ok: nothing is called
ok: the lock stays
ok: it is renewed
ok: a late write is refused
ok: the next request works
ok: a lock of the same thread is not waited for
ok: and after close() it is had
