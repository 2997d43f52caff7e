--TEST--
each method of RustRedis\SessionHandler does what PHP's interfaces say, in two round trips for a read and a write
--FILE--
<?php
require __DIR__ . '/class.inc';

use RustRedis\SessionHandler;

$handler = new SessionHandler();
// Each node of a Cluster needs its connection and scripts.
for ($i = 0; $i < (IN_CLUSTER ? 40 : 2); $i++) {
    $warm_up = new_id();
    $handler->read($warm_up);
    $handler->write($warm_up, 'x');
    $handler->destroy($warm_up);
}
foreach (['changed' => 'b', 'unchanged' => 'a', 'new' => 'b'] as $kind => $text) {
    $id = new_id();
    if ($kind !== 'new') {
        redis()->set(data_key($id), 'a', 'EX', 100);
    }
    $read = null;
    same("$kind: two round trips", 2, trips(function () use ($handler, $id, $text, &$read) {
        $read = $handler->read($id);
        same('it is locked', [true, true, 1], [is_locked($id), $handler->isLocked($id), locks()]);
        same('written', true, $handler->write($id, $text));
    }));
    same("$kind: what was read", $kind === 'new' ? '' : 'a', $read);
    same("$kind: what is stored", $text, redis()->get(data_key($id)));
    same("$kind: no lock is left", [false, false, 0], [is_locked($id), $handler->isLocked($id), locks()]);
    ok("$kind: the TTL is session.gc_maxlifetime", abs(redis()->ttl(data_key($id)) - 1440) < 60, redis()->ttl(data_key($id)));
}
same('validateId() and read() are one trip', 1, trips(function () use ($handler, $id) {
    same('a stored id is valid', true, $handler->validateId($id));
    same('and is read', 'b', $handler->read($id));
}));
redis()->expire(data_key($id), 50);
same('updateTimestamp() keeps the session', true, $handler->updateTimestamp($id, 'b'));
ok('it refreshes the TTL', redis()->ttl(data_key($id)) > 1000, redis()->ttl(data_key($id)));
same('and releases the lock', false, is_locked($id));
$handler->read($id);
redis()->del(data_key($id));
same('updateTimestamp() of one that vanished', true, $handler->updateTimestamp($id, 'b'));
same('what is stored again', 'b', redis()->get(data_key($id)));
redis()->set(data_key($id), 'other', 'EX', 100);
same('updateTimestamp() without a read', true, (new SessionHandler())->updateTimestamp($id, 'b'));
same('changes nothing', 'other', redis()->get(data_key($id)));
redis()->expire(data_key($id), 50);
same('peek()', 'other', $handler->peek($id));
ok('leaves the TTL alone', redis()->ttl(data_key($id)) <= 50, redis()->ttl(data_key($id)));
same('and takes no lock', false, is_locked($id));
same('peek() of none', null, $handler->peek(new_id()));
same('exists()', [true, false], [$handler->exists($id), $handler->exists(new_id())]);
$handler->read($id);
same('peek() and exists() under the lock', ['other', true], [$handler->peek($id), $handler->exists($id)]);
same('destroy()', true, $handler->destroy($id));
same('it is gone, with its lock', [null, false], [redis()->get(data_key($id)), is_locked($id)]);
same('destroy() of none', true, $handler->destroy(new_id()));
same('open(), gc()', [true, 0], [$handler->open('/ignored', 'PHPSESSID'), $handler->gc(1)]);
ok('create_sid() makes an id as PHP does', preg_match('/^[a-zA-Z0-9,-]{22,}$/D', $handler->create_sid()) === 1);
foreach ([$one = new_id(), $other = new_id()] as $id) {
    $handler->read($id);
}
$handler->release($one);
same('release() of one', [false, true], [is_locked($one), is_locked($other)]);
same('close() releases the rest, as often as it is called', [true, true], [$handler->close(), $handler->close()]);
same('no lock is left', [false, 0], [is_locked($other), locks()]);
$handler->read($one);
$handler->release();
same('release() of all', false, is_locked($one));
same('nothing is stored', [null, null], [redis()->get(data_key($one)), redis()->get(data_key($other))]);
foreach (['', 'a/b', "a\0b", 'a_LOCK', str_repeat('x', 257)] as $bad) {
    $trips = trips(function () use ($handler, $bad) {
        $methods = ['read', 'destroy', 'lock', 'tryLock', 'release', 'isLocked', 'peek', 'exists'];
        $thrown = array_map(fn ($method) => thrown(fn () => $handler->$method($bad)), $methods);
        array_push($thrown, thrown(fn () => $handler->write($bad, 'x')), thrown(fn () => $handler->updateTimestamp($bad, 'x')));
        same('a bad id is a ValueError', ['ValueError'], array_unique($thrown));
        same('and not valid', false, $handler->validateId($bad));
    });
    same('nothing is sent', 0, $trips);
}
$text = random_bytes(3 << 20) . "\0";
$handler->write($one, $text);
same('any bytes', md5($text), md5($handler->read($one)));
same('and an empty value', true, $handler->write($one, '') && $handler->read($one) === '' && $handler->exists($one));
$handler->destroy($one);
--EXPECT--
ok: it is locked
ok: written
ok: changed: two round trips
ok: changed: what was read
ok: changed: what is stored
ok: changed: no lock is left
ok: changed: the TTL is session.gc_maxlifetime
ok: it is locked
ok: written
ok: unchanged: two round trips
ok: unchanged: what was read
ok: unchanged: what is stored
ok: unchanged: no lock is left
ok: unchanged: the TTL is session.gc_maxlifetime
ok: it is locked
ok: written
ok: new: two round trips
ok: new: what was read
ok: new: what is stored
ok: new: no lock is left
ok: new: the TTL is session.gc_maxlifetime
ok: a stored id is valid
ok: and is read
ok: validateId() and read() are one trip
ok: updateTimestamp() keeps the session
ok: it refreshes the TTL
ok: and releases the lock
ok: updateTimestamp() of one that vanished
ok: what is stored again
ok: updateTimestamp() without a read
ok: changes nothing
ok: peek()
ok: leaves the TTL alone
ok: and takes no lock
ok: peek() of none
ok: exists()
ok: peek() and exists() under the lock
ok: destroy()
ok: it is gone, with its lock
ok: destroy() of none
ok: open(), gc()
ok: create_sid() makes an id as PHP does
ok: release() of one
ok: close() releases the rest, as often as it is called
ok: no lock is left
ok: release() of all
ok: nothing is stored
ok: a bad id is a ValueError
ok: and not valid
ok: nothing is sent
ok: a bad id is a ValueError
ok: and not valid
ok: nothing is sent
ok: a bad id is a ValueError
ok: and not valid
ok: nothing is sent
ok: a bad id is a ValueError
ok: and not valid
ok: nothing is sent
ok: a bad id is a ValueError
ok: and not valid
ok: nothing is sent
ok: any bytes
ok: and an empty value
