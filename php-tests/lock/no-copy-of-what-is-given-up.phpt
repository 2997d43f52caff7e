--TEST--
session_regenerate_id() leaves no copy of values that are given up, and moves nothing that cannot be stored under the new id
--INI--
session.use_strict_mode=1
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$copy = fn (string $id) => redis()->get(side_key($id, 'OLD'));
foreach (['1', '0'] as $locking) {
    ini_set('rustredis.locking', $locking);
    foreach ([true, false] as $delete) {
        $kind = "locking=$locking, regenerate_id(" . json_encode($delete) . ')';
        $symfony = ['_sf2_attributes' => [], '_sf2_meta' => ['u' => 1, 'c' => 1, 'l' => 0]];
        foreach ([[], ['user' => null, 'cart' => ['items' => []]], $symfony] as $n => $left) {
            $id = new_id();
            store_session($id, ['user' => 7]);
            start($id);
            $_SESSION = $left;
            session_regenerate_id($delete);
            $new = session_id();
            session_write_close();
            same("$kind, emptied $n: nothing is left", [null, null], [redis()->get(data_key($id)), $copy($id)]);
            start($id);
            same('a late request has no cookie to send', [$id, []], [session_id(), $_SESSION]);
            session_write_close();
            ok('it goes on', $new !== $id && redis()->exists(data_key($new)) === 1);
        }
        foreach ([['n' => 0], ['user' => ['id' => '']], ['a' => ['b' => ['c' => ['d' => []]]]]] as $n => $left) {
            $id = new_id();
            store_session($id, ['user' => 7]);
            start($id);
            $_SESSION = $left;
            session_regenerate_id($delete);
            session_write_close();
            same("$kind, with values $n: a copy", 'user|i:7;', $copy($id));
        }
    }
    // The first id has a copy, and the second one was never stored.
    $id = new_id();
    store_session($id, ['user' => 7]);
    start($id);
    session_regenerate_id(true);
    same('a login', 'user|i:7;', $copy($id));
    $_SESSION = [];
    session_regenerate_id(true);
    session_write_close();
    same('and a logout', null, $copy($id));
}
ini_set('rustredis.locking', '1');
foreach (['1', '0'] as $lazy) {
    foreach (['an object' => new stdClass(), 'too large' => str_repeat('x', 2000)] as $what => $value) {
        $id = new_id();
        redis()->set(data_key($id), '{"n":1}', 'EX', 1000);
        ini_set('session.serialize_handler', 'json');
        ini_set('rustredis.max_value_size', '1000');
        start($id, ['lazy_write' => $lazy]);
        $_SESSION['value'] = $value;
        $got = warnings_of(function () use (&$done) { $done = session_regenerate_id(false); });
        ok("$what, lazy_write=$lazy: a message", $done === false && str_contains(implode($got), 'rustredis: '), $got);
        session_status() === PHP_SESSION_ACTIVE && session_abort();
        same('it stays', ['{"n":1}', true, false, null], [redis()->get(data_key($id)), redis()->ttl(data_key($id)) > 900, is_locked($id), $copy($id)]);
    }
}
--EXPECT--
ok: locking=1, regenerate_id(true), emptied 0: nothing is left
ok: a late request has no cookie to send
ok: it goes on
ok: locking=1, regenerate_id(true), emptied 1: nothing is left
ok: a late request has no cookie to send
ok: it goes on
ok: locking=1, regenerate_id(true), emptied 2: nothing is left
ok: a late request has no cookie to send
ok: it goes on
ok: locking=1, regenerate_id(true), with values 0: a copy
ok: locking=1, regenerate_id(true), with values 1: a copy
ok: locking=1, regenerate_id(true), with values 2: a copy
ok: locking=1, regenerate_id(false), emptied 0: nothing is left
ok: a late request has no cookie to send
ok: it goes on
ok: locking=1, regenerate_id(false), emptied 1: nothing is left
ok: a late request has no cookie to send
ok: it goes on
ok: locking=1, regenerate_id(false), emptied 2: nothing is left
ok: a late request has no cookie to send
ok: it goes on
ok: locking=1, regenerate_id(false), with values 0: a copy
ok: locking=1, regenerate_id(false), with values 1: a copy
ok: locking=1, regenerate_id(false), with values 2: a copy
ok: a login
ok: and a logout
ok: locking=0, regenerate_id(true), emptied 0: nothing is left
ok: a late request has no cookie to send
ok: it goes on
ok: locking=0, regenerate_id(true), emptied 1: nothing is left
ok: a late request has no cookie to send
ok: it goes on
ok: locking=0, regenerate_id(true), emptied 2: nothing is left
ok: a late request has no cookie to send
ok: it goes on
ok: locking=0, regenerate_id(true), with values 0: a copy
ok: locking=0, regenerate_id(true), with values 1: a copy
ok: locking=0, regenerate_id(true), with values 2: a copy
ok: locking=0, regenerate_id(false), emptied 0: nothing is left
ok: a late request has no cookie to send
ok: it goes on
ok: locking=0, regenerate_id(false), emptied 1: nothing is left
ok: a late request has no cookie to send
ok: it goes on
ok: locking=0, regenerate_id(false), emptied 2: nothing is left
ok: a late request has no cookie to send
ok: it goes on
ok: locking=0, regenerate_id(false), with values 0: a copy
ok: locking=0, regenerate_id(false), with values 1: a copy
ok: locking=0, regenerate_id(false), with values 2: a copy
ok: a login
ok: and a logout
ok: an object, lazy_write=1: a message
ok: it stays
ok: too large, lazy_write=1: a message
ok: it stays
ok: an object, lazy_write=0: a message
ok: it stays
ok: too large, lazy_write=0: a message
ok: it stays
