--TEST--
one object serves many ids at once, over connections of its own, and refuses at once what its thread alone could free
--FILE--
<?php
require __DIR__ . '/class.inc';

use RustRedis\SessionHandler;

// Hyperf's order: each coroutine has an id, and all have the object.
$handler = new SessionHandler();
[$a, $b] = [new_id(), new_id()];
store_session($a, ['n' => 1]);
same('read A, read B', ['n|i:1;', ''], [$handler->read($a), $handler->read($b)]);
same('both are locked', [true, true], [is_locked($a), is_locked($b)]);
same('write B', true, $handler->write($b, 'B'));
same('A stays locked', [true, false], [is_locked($a), is_locked($b)]);
same('write A', true, $handler->write($a, 'A'));
same('what is stored', ['A', 'B'], [redis()->get(data_key($a)), redis()->get(data_key($b))]);
same('no lock is left', [false, false], [is_locked($a), is_locked($b)]);

// A connection for each lock.
// In a Cluster, too, one node has all of them.
$options = ['pool_size' => 3, 'pool_wait' => 60, 'prefix' => 'A:{few}:'];
$few = new SessionHandler(null, $options);
$ids = array_map(fn () => new_id(), range(1, 3));
array_map($few->read(...), $ids);
$time = seconds(function () use ($few, $options) {
    same('one more', 'ConnectionException', thrown(fn () => $few->read(new_id()), $thrown));
    ok('the setting is named', str_contains($thrown->getMessage(), 'rustredis.pool_size'), $thrown->getMessage());
    same('from a second object', 'ConnectionException', thrown(fn () => (new SessionHandler(null, $options))->read(new_id())));
});
// pool_wait is 60 s.
ok('refused at once', $time < 30, $time);
same('what is locked goes on', true, $few->write($ids[1], 'x'));
same('and makes room', '', $few->read(new_id()));
same('$_SESSION has connections of its own', true, start(new_id()));
session_write_close();
$few->close();

// Without a lock, no connection is kept.
$reads = new SessionHandler(null, ['locking' => false, 'pool_size' => 1]);
$ids = array_map(fn () => new_id(), range(1, 1100));
foreach ($ids as $id) {
    $reads->read($id);
}
same('more ids than an object remembers', true, $reads->write($ids[0], 'first') && $reads->write($ids[1099], 'last'));
same('are written', ['first', 'last'], [redis()->get(data_key($ids[0])), redis()->get(data_key($ids[1099]))]);
--EXPECT--
ok: read A, read B
ok: both are locked
ok: write B
ok: A stays locked
ok: write A
ok: what is stored
ok: no lock is left
ok: one more
ok: the setting is named
ok: from a second object
ok: refused at once
ok: what is locked goes on
ok: and makes room
ok: $_SESSION has connections of its own
ok: more ids than an object remembers
ok: are written
