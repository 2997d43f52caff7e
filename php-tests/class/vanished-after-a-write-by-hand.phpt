--TEST--
RustRedis\SessionHandler: a session that vanishes after a write by hand keeps its absolute end when its id changes, and leaves a mark
--INI--
rustredis.absolute_timeout=3600
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$object = new RustRedis\SessionHandler();
session_set_save_handler($object);
/* live|created|authenticated|idle|ends|... */
$end = fn (string $id) => explode('|', (string) redis()->get(side_key($id, 'STATE')))[4] ?? null;
foreach ([true, false] as $deletes) {
    start($id = new_id(), ['use_strict_mode' => 0]);
    $_SESSION['a'] = 1;
    session_write_close();
    $ends = $end($id);
    usleep(2000);
    start($id);
    $object->write($id, session_encode());
    redis()->del(data_key($id));
    $_SESSION['n'] = 2;
    ok($deletes ? 'true' : 'false', session_regenerate_id($deletes) && session_write_close());
    ok('the end', (int) $ends > 0 && $end(session_id()) === $ends, [$ends, $end(session_id())]);
    ok('the mark', str_starts_with((string) redis()->get(side_key($id, 'STATE')), 'dead|regenerated|'));
    same('the session', 'a|i:1;n|i:2;', redis()->get(data_key(session_id())));
}
--EXPECTREGEX--
(ok: [^\n]*\n?){8}
