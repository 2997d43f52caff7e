--TEST--
a request that comes under the old id a moment after the session was moved keeps that id and reads a copy; later, or after a logout, it gets a new one
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

ini_set('session.use_strict_mode', '1');
$move = function (bool $delete = true) {
    $id = new_id();
    store_session($id, ['n' => 1]);
    start($id);
    $_SESSION['user'] = 7;
    session_regenerate_id($delete);
    session_write_close();
    return $id;
};
foreach (['1', '0'] as $locking) {
    ini_set('rustredis.locking', $locking);
    foreach ([true, false] as $delete) {
        $kind = "locking=$locking, regenerate_id(" . json_encode($delete) . ')';
        $id = $move($delete);
        $new = session_id();
        same("$kind: the new session is stored", 'n|i:1;user|i:7;', redis()->get(data_key($new)));
        same('it starts', true, start($id));
        same('under the old id', $id, session_id());
        same('with what was there before the login', ['n' => 1], $_SESSION);
        same('without a lock', false, is_locked($id));
        same('and can be reset', [true, ['n' => 1]], [session_reset(), $_SESSION]);
        same('unchanged, it is dropped', [], warnings_of(fn () => session_write_close()));
        same('it can be read alone', [true, $id, ['n' => 1]], [start($id, ['read_and_close' => true]), session_id(), $_SESSION]);
        start($id, ['lazy_write' => 0]);
        same('unchanged without lazy_write', [], warnings_of(fn () => session_write_close()));
        start($id);
        $_SESSION['late'] = 1;
        $got = warnings_of(fn () => session_write_close());
        check_warnings('what it changes is refused', $got, [['moved it to a new id', 'regenerate_grace'], WRITE_FAILED], $id);
        start($id);
        $_SESSION = [];
        $got = warnings_of(fn () => session_write_close());
        check_warnings('also if nothing is left', $got, [['moved it to a new id'], WRITE_FAILED], $id);
        same('nothing is stored', [null, 'n|i:1;user|i:7;'], [redis()->get(data_key($id)), redis()->get(data_key($new))]);
        $ttl = redis()->ttl(side_key($id, 'OLD'));
        start($id);
        same('a login moves on', true, session_regenerate_id($delete));
        $_SESSION['user'] = 1;
        session_write_close();
        same('and is stored', 'n|i:1;user|i:1;', redis()->get(data_key(session_id())));
        ok('with no new grace', $ttl <= 10 && redis()->ttl(side_key($id, 'OLD')) <= $ttl);
    }

    $id = $move();
    redis()->del(side_key($id, 'OLD'));
    start($id);
    same('without the copy it still keeps its id, with nothing in it', [$id, []], [session_id(), $_SESSION]);
    session_write_close();
    [$word, $reason, $ms, $name] = explode('|', redis()->get(side_key($id, 'STATE')));
    redis()->set(side_key($id, 'STATE'), "$word|$reason|" . ($ms - 11000) . "|$name", 'PX', 60000);
    start($id);
    ok('ten seconds later it gets another id', session_id() !== $id);
    session_write_close();
    redis()->set(side_key($id, 'STATE'), "$word|$reason|" . ($ms + 3_600_000) . "|$name", 'PX', 60000);
    start($id);
    ok('and so it does if the clock of Redis was set back since', session_id() !== $id);
    session_write_close();

    $id = new_id();
    store_session($id, ['n' => 1]);
    start($id);
    session_destroy();
    start($id);
    ok('after a logout at once', session_id() !== $id);
    session_write_close();
}
ini_set('rustredis.locking', '1');
ini_set('session.use_strict_mode', '0');
$id = $move();
start($id);
same('the same where any id is taken', [$id, ['n' => 1]], [session_id(), $_SESSION]);
$_SESSION['late'] = 1;
warnings_of(fn () => session_write_close());
same('it does not come back', null, redis()->get(data_key($id)));

ini_set('rustredis.regenerate_grace', '0');
$id = $move();
start($id);
same('without a grace: nothing in it', [$id, [], 0], [session_id(), $_SESSION, redis()->exists(side_key($id, 'OLD'))]);
session_write_close();
ini_set('rustredis.lock_max_hold', '1');
$id = $move();
ok('the id is known to be late for ten seconds, whatever a lock may live', redis()->pttl(side_key($id, 'STATE')) > 10_000);
ini_set('rustredis.lock_max_hold', '300');
$id = $move(false);
same('and regenerate_id(false) keeps the session', 'n|i:1;user|i:7;', redis()->get(data_key($id)));
--EXPECT--
ok: locking=1, regenerate_id(true): the new session is stored
ok: it starts
ok: under the old id
ok: with what was there before the login
ok: without a lock
ok: and can be reset
ok: unchanged, it is dropped
ok: it can be read alone
ok: unchanged without lazy_write
ok: what it changes is refused
ok: also if nothing is left
ok: nothing is stored
ok: a login moves on
ok: and is stored
ok: with no new grace
ok: locking=1, regenerate_id(false): the new session is stored
ok: it starts
ok: under the old id
ok: with what was there before the login
ok: without a lock
ok: and can be reset
ok: unchanged, it is dropped
ok: it can be read alone
ok: unchanged without lazy_write
ok: what it changes is refused
ok: also if nothing is left
ok: nothing is stored
ok: a login moves on
ok: and is stored
ok: with no new grace
ok: without the copy it still keeps its id, with nothing in it
ok: ten seconds later it gets another id
ok: and so it does if the clock of Redis was set back since
ok: after a logout at once
ok: locking=0, regenerate_id(true): the new session is stored
ok: it starts
ok: under the old id
ok: with what was there before the login
ok: without a lock
ok: and can be reset
ok: unchanged, it is dropped
ok: it can be read alone
ok: unchanged without lazy_write
ok: what it changes is refused
ok: also if nothing is left
ok: nothing is stored
ok: a login moves on
ok: and is stored
ok: with no new grace
ok: locking=0, regenerate_id(false): the new session is stored
ok: it starts
ok: under the old id
ok: with what was there before the login
ok: without a lock
ok: and can be reset
ok: unchanged, it is dropped
ok: it can be read alone
ok: unchanged without lazy_write
ok: what it changes is refused
ok: also if nothing is left
ok: nothing is stored
ok: a login moves on
ok: and is stored
ok: with no new grace
ok: without the copy it still keeps its id, with nothing in it
ok: ten seconds later it gets another id
ok: and so it does if the clock of Redis was set back since
ok: after a logout at once
ok: the same where any id is taken
ok: it does not come back
ok: without a grace: nothing in it
ok: the id is known to be late for ten seconds, whatever a lock may live
ok: and regenerate_id(false) keeps the session