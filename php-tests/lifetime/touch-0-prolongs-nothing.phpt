--TEST--
rustredis.touch=0: no use of a session prolongs it, in no more round trips than any other
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

use RustRedis\SessionHandler;

const LIFE = 700;

/** Runs $use on a session with a TTL that is its own, and compares that afterwards. */
function check(string $what, ?string $stored, callable $use): void
{
    foreach (['1' => 'is prolonged', '0' => 'stays'] as $touch => $word) {
        $id = new_id();
        store_session($id, ['n' => 1], LIFE);
        ini_set('rustredis.touch', $touch);
        $trips[$touch] = trips(fn () => $use($id));
        $ttl = redis()->ttl(data_key($id));
        ok("$what: it $word", $touch ? $ttl > 1000 : $ttl > LIFE / 2 && $ttl <= LIFE, $ttl);
        same("$what: what is stored", $stored ?? 'n|i:1;', redis()->get(data_key($id)));
        same("$what: no lock is left", false, is_locked($id));
    }
    ok("$what: no trip more", $trips['0'] <= $trips['1'], $trips);
}

/** A started session that ends with $n. */
function changed(string $id, mixed $n, array $options = []): void
{
    start($id, $options);
    $_SESSION['n'] = $n;
    session_write_close();
}

$large = str_repeat('x', 5000);
$stored = 'n|' . serialize($large);
// Each node of a Cluster needs its connection and the scripts of a release.
foreach (IN_CLUSTER ? range(1, 40) : [1] as $i) {
    foreach (['0', '1'] as $locking) {
        ini_set('rustredis.locking', $locking);
        ini_set('rustredis.touch', '0');
        store_session($id = new_id(), ['n' => 1]);
        start($id) && session_reset();
        session_write_close();
        changed($id, 2);
    }
    $handler = new SessionHandler();
    $handler->write($id, $handler->read($id));
}
foreach (['1', '0'] as $locking) {
    ini_set('rustredis.locking', $locking);
    check("unchanged, locking $locking", null, fn ($id) => start($id) && session_write_close());
    check("changed, locking $locking", 'n|i:2;', fn ($id) => changed($id, 2));
    check("large, locking $locking", $stored, fn ($id) => changed($id, $large));
    check("read_and_close, locking $locking", null, fn ($id) => start($id, ['read_and_close' => true]));
    check("aborted, locking $locking", null, fn ($id) => start($id) && session_abort());
    check("reset, locking $locking", null, fn ($id) => start($id) && session_reset() && session_write_close());
}
ini_set('rustredis.locking', '1');
ini_set('rustredis.write_ack', 'deferred');
// The next start on the same connection reads the answer.
$rest = fn () => start($GLOBALS['other'] ??= new_id()) && session_abort();
check('deferred', 'n|i:3;', fn ($id) => [changed($id, 3), $rest()]);
check('deferred, unchanged', null, fn ($id) => [start($id) && session_write_close(), $rest()]);
ini_set('rustredis.write_ack', 'wait');
ini_set('rustredis.compression', 'zstd');
check('with compression, unchanged', null, fn ($id) => start($id) && session_write_close());
ini_set('rustredis.compression', 'none');
check('a handler object', 'new', function ($id) {
    $handler = new SessionHandler();
    $handler->read($id);
    $handler->write($id, 'new');
    $handler->write($id, 'new');
    $handler->updateTimestamp($id, 'new');
});
check('the option of a handler object', 'new', function ($id) {
    $handler = new SessionHandler(options: ['touch' => ini_set('rustredis.touch', '1')]);
    $handler->validateId($id);
    $handler->read($id);
    $handler->write($id, 'new');
});
check('a release that a waiter follows', 'n|i:4;', function ($id) {
    start($id);
    $child = Child::run('say("here"); start($argv[1]); $_SESSION["n"]++; session_write_close();', [$id],
        ['rustredis.touch' => ini_get('rustredis.touch')]);
    $child->line();
    poll('the waiter', fn () => redis()->zcard(side_key($id, 'WAITERS')) === 1);
    $_SESSION['n'] = 3;
    session_write_close();
    echo $child->output();
});
--EXPECT--
ok: unchanged, locking 1: it is prolonged
ok: unchanged, locking 1: what is stored
ok: unchanged, locking 1: no lock is left
ok: unchanged, locking 1: it stays
ok: unchanged, locking 1: what is stored
ok: unchanged, locking 1: no lock is left
ok: unchanged, locking 1: no trip more
ok: changed, locking 1: it is prolonged
ok: changed, locking 1: what is stored
ok: changed, locking 1: no lock is left
ok: changed, locking 1: it stays
ok: changed, locking 1: what is stored
ok: changed, locking 1: no lock is left
ok: changed, locking 1: no trip more
ok: large, locking 1: it is prolonged
ok: large, locking 1: what is stored
ok: large, locking 1: no lock is left
ok: large, locking 1: it stays
ok: large, locking 1: what is stored
ok: large, locking 1: no lock is left
ok: large, locking 1: no trip more
ok: read_and_close, locking 1: it is prolonged
ok: read_and_close, locking 1: what is stored
ok: read_and_close, locking 1: no lock is left
ok: read_and_close, locking 1: it stays
ok: read_and_close, locking 1: what is stored
ok: read_and_close, locking 1: no lock is left
ok: read_and_close, locking 1: no trip more
ok: aborted, locking 1: it is prolonged
ok: aborted, locking 1: what is stored
ok: aborted, locking 1: no lock is left
ok: aborted, locking 1: it stays
ok: aborted, locking 1: what is stored
ok: aborted, locking 1: no lock is left
ok: aborted, locking 1: no trip more
ok: reset, locking 1: it is prolonged
ok: reset, locking 1: what is stored
ok: reset, locking 1: no lock is left
ok: reset, locking 1: it stays
ok: reset, locking 1: what is stored
ok: reset, locking 1: no lock is left
ok: reset, locking 1: no trip more
ok: unchanged, locking 0: it is prolonged
ok: unchanged, locking 0: what is stored
ok: unchanged, locking 0: no lock is left
ok: unchanged, locking 0: it stays
ok: unchanged, locking 0: what is stored
ok: unchanged, locking 0: no lock is left
ok: unchanged, locking 0: no trip more
ok: changed, locking 0: it is prolonged
ok: changed, locking 0: what is stored
ok: changed, locking 0: no lock is left
ok: changed, locking 0: it stays
ok: changed, locking 0: what is stored
ok: changed, locking 0: no lock is left
ok: changed, locking 0: no trip more
ok: large, locking 0: it is prolonged
ok: large, locking 0: what is stored
ok: large, locking 0: no lock is left
ok: large, locking 0: it stays
ok: large, locking 0: what is stored
ok: large, locking 0: no lock is left
ok: large, locking 0: no trip more
ok: read_and_close, locking 0: it is prolonged
ok: read_and_close, locking 0: what is stored
ok: read_and_close, locking 0: no lock is left
ok: read_and_close, locking 0: it stays
ok: read_and_close, locking 0: what is stored
ok: read_and_close, locking 0: no lock is left
ok: read_and_close, locking 0: no trip more
ok: aborted, locking 0: it is prolonged
ok: aborted, locking 0: what is stored
ok: aborted, locking 0: no lock is left
ok: aborted, locking 0: it stays
ok: aborted, locking 0: what is stored
ok: aborted, locking 0: no lock is left
ok: aborted, locking 0: no trip more
ok: reset, locking 0: it is prolonged
ok: reset, locking 0: what is stored
ok: reset, locking 0: no lock is left
ok: reset, locking 0: it stays
ok: reset, locking 0: what is stored
ok: reset, locking 0: no lock is left
ok: reset, locking 0: no trip more
ok: deferred: it is prolonged
ok: deferred: what is stored
ok: deferred: no lock is left
ok: deferred: it stays
ok: deferred: what is stored
ok: deferred: no lock is left
ok: deferred: no trip more
ok: deferred, unchanged: it is prolonged
ok: deferred, unchanged: what is stored
ok: deferred, unchanged: no lock is left
ok: deferred, unchanged: it stays
ok: deferred, unchanged: what is stored
ok: deferred, unchanged: no lock is left
ok: deferred, unchanged: no trip more
ok: with compression, unchanged: it is prolonged
ok: with compression, unchanged: what is stored
ok: with compression, unchanged: no lock is left
ok: with compression, unchanged: it stays
ok: with compression, unchanged: what is stored
ok: with compression, unchanged: no lock is left
ok: with compression, unchanged: no trip more
ok: a handler object: it is prolonged
ok: a handler object: what is stored
ok: a handler object: no lock is left
ok: a handler object: it stays
ok: a handler object: what is stored
ok: a handler object: no lock is left
ok: a handler object: no trip more
ok: the option of a handler object: it is prolonged
ok: the option of a handler object: what is stored
ok: the option of a handler object: no lock is left
ok: the option of a handler object: it stays
ok: the option of a handler object: what is stored
ok: the option of a handler object: no lock is left
ok: the option of a handler object: no trip more
ok: a release that a waiter follows: it is prolonged
ok: a release that a waiter follows: what is stored
ok: a release that a waiter follows: no lock is left
ok: a release that a waiter follows: it stays
ok: a release that a waiter follows: what is stored
ok: a release that a waiter follows: no lock is left
ok: a release that a waiter follows: no trip more
