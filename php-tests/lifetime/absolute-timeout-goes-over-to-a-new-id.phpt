--TEST--
rustredis.absolute_timeout: a new id continues the old one's time
--INI--
session.gc_maxlifetime=1800
--FILE--
<?php
require __DIR__ . '/lifetime.inc';

function check(string $what, bool $deletes, bool $is_stored): void
{
    $id = new_id();
    $end = now() + 500_000;
    if ($is_stored) {
        store_session($id, ['n' => 1]);
        set_state($id, ['created' => now() - 6_700_000, 'end' => $end]);
    }
    start($id);
    $_SESSION['n'] = 2;
    session_regenerate_id($deletes);
    $_SESSION['n'] = 3;
    session_regenerate_id($deletes);
    $new = session_id();
    session_write_close();
    same("$what: what is stored", 'n|i:3;', redis()->get(data_key($new)));
    $state = state($new);
    $right = $is_stored ? $end : now() + 7_200_000;
    ok("$what: the end", near($right, $state['end']) && (!$is_stored || (int) $state['end'] === $end), $state);
    $ttl = redis()->ttl(data_key($new));
    ok("$what: the TTL", $ttl <= ($is_stored ? 500 : 1800) && $ttl > 400, $ttl);
    same("$what: the next visit", 2, trips(fn () => visit($new)));
    ok("$what: its end", near($right, state($new)['end']), state($new));
    ok("$what: the next new session is another", visit($id = new_id()) || near(now() + 7_200_000, state($id)['end']));
}

// Each node of a Cluster needs its connection and scripts.
ini_set('rustredis.absolute_timeout', '7200');
foreach (IN_CLUSTER ? range(1, 40) : [1] as $i) {
    visit($id = new_id());
    visit($id);
}
foreach ([true, false] as $deletes) {
    foreach ([true, false] as $is_stored) {
        foreach (['1', '0'] as $locking) {
            ini_set('rustredis.locking', $locking);
            check(($deletes ? 'deletes' : 'keeps') . ($is_stored ? ', stored' : ', new') . ", locking $locking", $deletes, $is_stored);
        }
    }
}
ini_set('rustredis.locking', '1');
foreach (['compression' => 'zstd', 'touch' => '0', 'write_ack' => 'deferred'] as $name => $value) {
    $usual = ini_set("rustredis.$name", $value);
    if ($name !== 'write_ack') {
        check($name, true, true);
    } else {
        store_session($id = new_id(), ['n' => 1]);
        set_state($id, ['end' => $end = now() + 500_000]);
        start($id);
        session_regenerate_id(true);
        $new = session_id();
        session_write_close();
        // The next answer comes after that of the release.
        start($new, ['read_and_close' => true]);
        same("$name: the end", (string) $end, state($new)['end']);
    }
    ini_set("rustredis.$name", $usual);
}
session_set_save_handler(new RustRedis\SessionHandler());
check('a handler object', true, true);
check('a handler object that keeps', false, true);
--EXPECT--
ok: deletes, stored, locking 1: what is stored
ok: deletes, stored, locking 1: the end
ok: deletes, stored, locking 1: the TTL
ok: deletes, stored, locking 1: the next visit
ok: deletes, stored, locking 1: its end
ok: deletes, stored, locking 1: the next new session is another
ok: deletes, stored, locking 0: what is stored
ok: deletes, stored, locking 0: the end
ok: deletes, stored, locking 0: the TTL
ok: deletes, stored, locking 0: the next visit
ok: deletes, stored, locking 0: its end
ok: deletes, stored, locking 0: the next new session is another
ok: deletes, new, locking 1: what is stored
ok: deletes, new, locking 1: the end
ok: deletes, new, locking 1: the TTL
ok: deletes, new, locking 1: the next visit
ok: deletes, new, locking 1: its end
ok: deletes, new, locking 1: the next new session is another
ok: deletes, new, locking 0: what is stored
ok: deletes, new, locking 0: the end
ok: deletes, new, locking 0: the TTL
ok: deletes, new, locking 0: the next visit
ok: deletes, new, locking 0: its end
ok: deletes, new, locking 0: the next new session is another
ok: keeps, stored, locking 1: what is stored
ok: keeps, stored, locking 1: the end
ok: keeps, stored, locking 1: the TTL
ok: keeps, stored, locking 1: the next visit
ok: keeps, stored, locking 1: its end
ok: keeps, stored, locking 1: the next new session is another
ok: keeps, stored, locking 0: what is stored
ok: keeps, stored, locking 0: the end
ok: keeps, stored, locking 0: the TTL
ok: keeps, stored, locking 0: the next visit
ok: keeps, stored, locking 0: its end
ok: keeps, stored, locking 0: the next new session is another
ok: keeps, new, locking 1: what is stored
ok: keeps, new, locking 1: the end
ok: keeps, new, locking 1: the TTL
ok: keeps, new, locking 1: the next visit
ok: keeps, new, locking 1: its end
ok: keeps, new, locking 1: the next new session is another
ok: keeps, new, locking 0: what is stored
ok: keeps, new, locking 0: the end
ok: keeps, new, locking 0: the TTL
ok: keeps, new, locking 0: the next visit
ok: keeps, new, locking 0: its end
ok: keeps, new, locking 0: the next new session is another
ok: compression: what is stored
ok: compression: the end
ok: compression: the TTL
ok: compression: the next visit
ok: compression: its end
ok: compression: the next new session is another
ok: touch: what is stored
ok: touch: the end
ok: touch: the TTL
ok: touch: the next visit
ok: touch: its end
ok: touch: the next new session is another
ok: write_ack: the end
ok: a handler object: what is stored
ok: a handler object: the end
ok: a handler object: the TTL
ok: a handler object: the next visit
ok: a handler object: its end
ok: a handler object: the next new session is another
ok: a handler object that keeps: what is stored
ok: a handler object that keeps: the end
ok: a handler object that keeps: the TTL
ok: a handler object that keeps: the next visit
ok: a handler object that keeps: its end
ok: a handler object that keeps: the next new session is another
