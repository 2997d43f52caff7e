--TEST--
the lock ends with its object over memory_limit, and what PHP never got is not overwritten
--SKIPIF--
<?php getenv('USE_ZEND_ALLOC') === '0' && die('skip memory_limit is kept by the allocator of PHP that is off here'); ?>
--FILE--
<?php
require __DIR__ . '/class.inc';

$id = new_id();
store_session($id, ['n' => 1]);
$ends = [
    'in a script' => '$x = str_repeat("x", 1 << 30);',
    'in read()' => '$big = new RustRedis\SessionHandler(); '
        . '$big->write("$argv[1]b", str_repeat("x", 20 << 20)); $more = str_repeat("x", 50 << 20); '
        . 'register_shutdown_function(fn () => [$GLOBALS["more"] = null, $big->write("$argv[1]b", "lost")]); '
        . 'try { $big->read("$argv[1]b"); echo "not reached"; } catch (RustRedis\SessionException $e) { echo $e->getMessage(); }',
];
foreach ($ends as $how => $code) {
    $child = Child::run('ini_set("memory_limit", "64M"); $handler = new RustRedis\SessionHandler(); $handler->read($argv[1]); say("held"); hear();' . $code, [$id], ['display_errors' => '0']);
    same("$how: the child holds it", ['held', true], [$child->line(), is_locked($id)]);
    $child->tell('go');
    $output = $child->output();
    same("$how: no lock is left", [false, false], [is_locked($id), is_locked($id . 'b')]);
    same("$how: what is stored", 'n|i:1;', redis()->get(data_key($id)));
    ok("$how: no panic", !str_contains($output, 'panicked'), $output);
}
ok('it was not read', str_contains($output, 'memory_limit') && !str_contains($output, 'not reached'), $output);
same('what PHP never got is not overwritten', 20 << 20, strlen((string) redis()->get(data_key($id . 'b'))));
redis()->del(data_key($id . 'b'));
--EXPECT--
ok: in a script: the child holds it
ok: in a script: no lock is left
ok: in a script: what is stored
ok: in a script: no panic
ok: in read(): the child holds it
ok: in read(): no lock is left
ok: in read(): what is stored
ok: in read(): no panic
ok: it was not read
ok: what PHP never got is not overwritten
