--TEST--
json: a session that is refused leaves Redis byte for byte as it was, with lazy_write and without; the lock is free
--INI--
session.serialize_handler=json
--FILE--
<?php
require __DIR__ . '/../support/support.inc';
require __DIR__ . '/exact.inc';

$deep = array_reduce(range(1, 600), fn ($v) => [$v], 1);
$bad = ['an object' => new stdClass(), 'a closure' => fn () => 1, 'a resource' => STDIN, 'too deep' => $deep];
foreach ([1, 0] as $lazy) {
    foreach (['{"n": 1}', 'n|i:1;', 'a:1:{s:1:"n";i:1;}'] as $stored) {
        foreach ($bad as $what => $value) {
            $id = new_id();
            redis()->set(data_key($id), $stored, 'EX', 500);
            start($id, ['lazy_write' => $lazy]);
            $_SESSION['n']++;
            $_SESSION['bad'] = $value;
            $got = warnings_of(fn () => session_write_close());
            $say = "$what over " . $stored[0] . " with lazy_write=$lazy";
            same("$say: stored", $stored, redis()->get(data_key($id)));
            if (!preg_match('/^session_write_close\(\): rustredis: the session is not saved: \$_SESSION/', $got[0] ?? '')) {
                same("$say: the first warning", 'by path', $got);
            }
            if ($lazy ? count($got) !== 1 : count($got) > 3) {
                same("$say: warnings", $lazy ? 1 : 3, $got);
            }
            if (is_locked($id)) {
                same("$say: the lock", false, true);
            }
            // The next request of this user goes on from there.
            start($id);
            if ($_SESSION !== ['n' => 1]) {
                same("$say: afterwards", ['n' => 1], $_SESSION);
            }
            $_SESSION['n'] = 2;
            session_write_close();
            if (redis()->get(data_key($id)) !== '{"n":2}') {
                same("$say: then", '{"n":2}', redis()->get(data_key($id)));
            }
        }
    }
}
foreach ([1, 0] as $lazy) {
    $id = new_id();
    start($id, ['lazy_write' => $lazy]);
    $_SESSION['bad'] = new stdClass();
    warnings_of(fn () => session_write_close());
    ok("a new session is not stored with a wrong content, lazy_write=$lazy", in_array(redis()->get(data_key($id)), [null, ''], true), redis()->get(data_key($id)));
    same('the lock is gone', false, is_locked($id));
}
--EXPECT--
ok: an object over { with lazy_write=1: stored
ok: a closure over { with lazy_write=1: stored
ok: a resource over { with lazy_write=1: stored
ok: too deep over { with lazy_write=1: stored
ok: an object over n with lazy_write=1: stored
ok: a closure over n with lazy_write=1: stored
ok: a resource over n with lazy_write=1: stored
ok: too deep over n with lazy_write=1: stored
ok: an object over a with lazy_write=1: stored
ok: a closure over a with lazy_write=1: stored
ok: a resource over a with lazy_write=1: stored
ok: too deep over a with lazy_write=1: stored
ok: an object over { with lazy_write=0: stored
ok: a closure over { with lazy_write=0: stored
ok: a resource over { with lazy_write=0: stored
ok: too deep over { with lazy_write=0: stored
ok: an object over n with lazy_write=0: stored
ok: a closure over n with lazy_write=0: stored
ok: a resource over n with lazy_write=0: stored
ok: too deep over n with lazy_write=0: stored
ok: an object over a with lazy_write=0: stored
ok: a closure over a with lazy_write=0: stored
ok: a resource over a with lazy_write=0: stored
ok: too deep over a with lazy_write=0: stored
ok: a new session is not stored with a wrong content, lazy_write=1
ok: the lock is gone
ok: a new session is not stored with a wrong content, lazy_write=0
ok: the lock is gone
