--TEST--
json behind a SessionHandler subclass: exact both ways; a refused session leaves what is stored; an undecodable one is kept aside
--INI--
session.serialize_handler=json
--FILE--
<?php
require __DIR__ . '/../support/support.inc';
require __DIR__ . '/exact.inc';

class Mine extends SessionHandler
{
}
session_set_save_handler(new Mine());
foreach ([1, 0] as $lazy) {
    $id = new_id();
    start($id, ['lazy_write' => $lazy]);
    $_SESSION = ['n' => 1.0, 'b' => "\xff"];
    session_write_close();
    $stored = '{"n":1.0,"b":{"$bytes":"/w=="}}';
    same("lazy_write=$lazy: stored", $stored, redis()->get(data_key($id)));
    start($id, ['lazy_write' => $lazy]);
    identical('it comes back', ['n' => 1.0, 'b' => "\xff"], $_SESSION);
    $_SESSION['o'] = new stdClass();
    $got = warnings_of(fn () => session_write_close());
    ok('an object is refused by path', str_contains($got[0] ?? '', "\$_SESSION['o'] is an object"), $got);
    same('what is stored stays', $stored, redis()->get(data_key($id)));
    same('the lock is gone', false, is_locked($id));
}
redis()->set(data_key($id), '{"n":', 'EX', 100);
$got = warnings_of(fn () => start($id));
preg_match('/' . PREFIX . 'ASIDE:[0-9a-f]{32}/', implode($got), $m);
same('what cannot be decoded is kept aside', '{"n":', redis()->get($m[0] ?? ''));
--EXPECT--
ok: lazy_write=1: stored
ok: it comes back
ok: an object is refused by path
ok: what is stored stays
ok: the lock is gone
ok: lazy_write=0: stored
ok: it comes back
ok: an object is refused by path
ok: what is stored stays
ok: the lock is gone
ok: what cannot be decoded is kept aside
