--TEST--
an integer key in $_SESSION, whose warning an error handler turns into an exception, costs no session that changes its id
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$handlers = [
    'PHP\'s own' => '',
    'a subclass' => 'session_set_save_handler(new class extends SessionHandler { function destroy($id): bool { return parent::destroy($id); } }, true);',
    'RustRedis\SessionHandler' => 'session_set_save_handler(new RustRedis\SessionHandler, true);',
];
$keys = ['last' => '$_SESSION[5] = 1;', 'in the middle' => '$_SESSION[5] = 1; $_SESSION["user"] = "u";', 'first' => '$_SESSION = [5 => 1] + $_SESSION;'];
$stored = ['php' => 'keep|s:4:"KEEP";', 'php_binary' => "\x04keeps:4:\"KEEP\";", 'php_serialize' => 'a:1:{s:4:"keep";s:4:"KEEP";}'];
foreach ($handlers as $name => $handler) {
    $wrong = [];
    foreach ($stored as $serializer => $text) {
        foreach (['true', 'false'] as $deletes) {
            foreach ($keys as $place => $code) {
                foreach (['throw new ErrorException($m);', 'return true;'] as $end) {
                    $id = new_id();
                    redis()->set(data_key($id), $text, 'EX', 1000);
                    $new = Child::run("set_error_handler(function (\$n, \$m) { $end }); $handler session_id(\$argv[1]); session_start(); $code
                        try { session_regenerate_id($deletes); } catch (ErrorException) { }
                        try { session_write_close(); } catch (ErrorException) { }
                        echo \"\\n\", session_id();", [$id], ['session.serialize_handler' => $serializer, 'session.use_cookies' => 0, 'session.cache_limiter' => ''])->output();
                    $new = substr(strrchr("\n$new", "\n"), 1);
                    // The session goes on under one of the two ids, and the request knows which.
                    $throws = $end !== 'return true;' && $serializer !== 'php_serialize';
                    $now = [str_contains((string) redis()->get(data_key($throws ? $id : $new)), 'keep') && ($throws || $new !== $id),
                        str_starts_with((string) redis()->get(side_key($throws ? $id : $new, 'STATE')), 'dead|'),
                        is_locked($id), $new !== '' && is_locked($new)];
                    if ($now !== [true, false, false, false]) {
                        $wrong["$serializer, regenerate($deletes), key $place, $end"] = [...$now, $id, $new];
                    }
                }
            }
        }
    }
    same($name, [], $wrong);
}
--EXPECT--
ok: PHP's own
ok: a subclass
ok: RustRedis\SessionHandler
