--TEST--
an object as PHP's handler: session_reset() of a session goes on with it, with and without a lock
--INI--
session.use_strict_mode=1
rustredis.absolute_timeout=1000
--FILE--
<?php
require __DIR__ . '/class.inc';

foreach (['1', '0'] as $locking) {
    ini_set('rustredis.locking', $locking);
    session_set_save_handler(new RustRedis\SessionHandler(), false);
    session_id('');
    session_start();
    $id = session_id();
    $_SESSION['a'] = 1;
    same("locking=$locking: a new one keeps its id", [true, $id, []], [session_reset(), session_id(), $_SESSION]);
    $_SESSION['b'] = 2;
    session_write_close();
    same('and is stored', 'b|i:2;', redis()->get(data_key($id)));

    start($id);
    $_SESSION['b'] = 3;
    same('one that is stored is read again', [true, ['b' => 2]], [session_reset(), $_SESSION]);
    $created = explode('|', redis()->get(side_key($id, 'STATE')))[1];
    session_regenerate_id(true);
    $new = session_id();
    $_SESSION['b'] = 4;
    same('one that has moved keeps its id', [true, $new, []], [session_reset(), session_id(), $_SESSION]);
    $_SESSION['b'] = 5;
    session_write_close();
    $state = explode('|', redis()->get(side_key($new, 'STATE')));
    same('and its age and its copy', [$created, $id], [$state[1], substr(strrchr($state[6], ':'), 1)]);
    same('and is stored', ['b|i:5;', false], [redis()->get(data_key($new)), is_locked($new)]);
}
--EXPECT--
ok: locking=1: a new one keeps its id
ok: and is stored
ok: one that is stored is read again
ok: one that has moved keeps its id
ok: and its age and its copy
ok: and is stored
ok: locking=0: a new one keeps its id
ok: and is stored
ok: one that is stored is read again
ok: one that has moved keeps its id
ok: and its age and its copy
ok: and is stored