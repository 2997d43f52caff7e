--TEST--
a request that comes under the old id a moment after the session was moved keeps that id; later, or after a logout, it gets a new one
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

ini_set('session.use_strict_mode', '1');
$move = function () {
    $id = new_id();
    store_session($id, ['n' => 1]);
    start($id);
    session_regenerate_id(true);
    session_write_close();
    return $id;
};
foreach (['1', '0'] as $locking) {
    ini_set('rustredis.locking', $locking);
    $id = $move();
    same("locking=$locking: it starts", true, start($id));
    same('under the old id', $id, session_id());
    same('with nothing in it', [], $_SESSION);
    same('without a lock', false, is_locked($id));
    same('and can be reset', [true, []], [session_reset(), $_SESSION]);
    session_write_close();
    same('it can be read alone', [true, $id], [start($id, ['read_and_close' => true]), session_id()]);
    start($id);
    $_SESSION['late'] = 1;
    $got = warnings_of(fn () => session_write_close());
    check_warnings('what it changes is dropped', $got, [['moved it to a new id'], WRITE_FAILED], $id);
    same('nothing is stored', null, redis()->get(data_key($id)));
    start($id);
    same('a login moves on', true, session_regenerate_id(true));
    $_SESSION['user'] = 1;
    session_write_close();
    same('and is stored', 'user|i:1;', redis()->get(data_key(session_id())));

    $id = $move();
    [$word, $reason, $ms, $name] = explode('|', redis()->get(side_key($id, 'STATE')));
    redis()->set(side_key($id, 'STATE'), "$word|$reason|" . ($ms - 10000) . "|$name", 'PX', 60000);
    start($id);
    ok('ten seconds later it gets another id', session_id() !== $id);
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
same('the same where any id is taken', [$id, []], [session_id(), $_SESSION]);
$_SESSION['late'] = 1;
warnings_of(fn () => session_write_close());
same('it does not come back', null, redis()->get(data_key($id)));
--EXPECT--
ok: locking=1: it starts
ok: under the old id
ok: with nothing in it
ok: without a lock
ok: and can be reset
ok: it can be read alone
ok: what it changes is dropped
ok: nothing is stored
ok: a login moves on
ok: and is stored
ok: ten seconds later it gets another id
ok: after a logout at once
ok: locking=0: it starts
ok: under the old id
ok: with nothing in it
ok: without a lock
ok: and can be reset
ok: it can be read alone
ok: what it changes is dropped
ok: nothing is stored
ok: a login moves on
ok: and is stored
ok: ten seconds later it gets another id
ok: after a logout at once
ok: the same where any id is taken
ok: it does not come back
