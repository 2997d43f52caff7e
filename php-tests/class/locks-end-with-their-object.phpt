--TEST--
the lock ends with its object: freed, at exit(), after a fatal error
--FILE--
<?php
require __DIR__ . '/class.inc';

use RustRedis\SessionHandler;

$id = new_id();
store_session($id, ['n' => 1]);
$handler = new SessionHandler();
$handler->read($id);
$handler = null;
same('freed: no lock is left', false, is_locked($id));
same('an exception frees it', 'Exception', thrown(function () use ($id) {
    $handler = new SessionHandler();
    $handler->read($id);
    throw new Exception();
}, $thrown));
$thrown = null;
same('no lock is left', false, is_locked($id));
$ends = [
    'the end' => '',
    'exit()' => 'exit(3);',
    'a cycle' => '$o = new stdClass; $o->o = $o; $o->handler = $handler; unset($o, $handler);',
    'a static' => 'class Keeps { public static $handler; } Keeps::$handler = $handler;',
    'an exception' => 'throw new Exception("boom");',
    'a fatal error' => 'trigger_error("boom", E_USER_ERROR);',
    'a compile error' => 'eval("class SessionHandlerInterface {}");',
    'a shutdown function' => 'register_shutdown_function(fn () => $handler->write($argv[1], "n|i:2;")); trigger_error("boom", E_USER_ERROR);',
];
foreach ($ends as $how => $code) {
    $child = Child::run('ini_set("memory_limit", "64M"); $handler = new RustRedis\SessionHandler(); $handler->read($argv[1]); say("held"); hear();' . $code, [$id], ['display_errors' => '0']);
    same("$how: the child holds it", ['held', true], [$child->line(), is_locked($id)]);
    $child->tell('go');
    $output = $child->output();
    same("$how: no lock is left", false, is_locked($id));
    same("$how: what is stored", $how === 'a shutdown function' ? 'n|i:2;' : 'n|i:1;', redis()->get(data_key($id)));
    ok("$how: no panic", !str_contains($output, 'panicked'), $output);
}
// The lease is renewed while the object has the lock.
$handler = new SessionHandler(null, ['lock_lease' => 0.4, 'lock_max_hold' => 60]);
$handler->read($id);
$first = redis()->get(lock_key($id));
$until = hrtime(true) + 1_200_000_000;
poll('three leases', fn () => hrtime(true) > $until);
same('it is renewed', $first, redis()->get(lock_key($id)));
same('and written', true, $handler->write($id, 'n|i:3;'));
--EXPECT--
ok: freed: no lock is left
ok: an exception frees it
ok: no lock is left
ok: the end: the child holds it
ok: the end: no lock is left
ok: the end: what is stored
ok: the end: no panic
ok: exit(): the child holds it
ok: exit(): no lock is left
ok: exit(): what is stored
ok: exit(): no panic
ok: a cycle: the child holds it
ok: a cycle: no lock is left
ok: a cycle: what is stored
ok: a cycle: no panic
ok: a static: the child holds it
ok: a static: no lock is left
ok: a static: what is stored
ok: a static: no panic
ok: an exception: the child holds it
ok: an exception: no lock is left
ok: an exception: what is stored
ok: an exception: no panic
ok: a fatal error: the child holds it
ok: a fatal error: no lock is left
ok: a fatal error: what is stored
ok: a fatal error: no panic
ok: a compile error: the child holds it
ok: a compile error: no lock is left
ok: a compile error: what is stored
ok: a compile error: no panic
ok: a shutdown function: the child holds it
ok: a shutdown function: no lock is left
ok: a shutdown function: what is stored
ok: a shutdown function: no panic
ok: it is renewed
ok: and written
