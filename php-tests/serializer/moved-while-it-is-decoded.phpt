--TEST--
session_regenerate_id() while the session is decoded moves nothing: what is stored stays, whatever ends the decoding
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$handlers = [
    'PHP\'s own' => '',
    'a subclass' => 'class Sub extends SessionHandler { function read($id): string|false { $read = parent::read($id); between($GLOBALS["where"]); return $read; } }
        session_set_save_handler(new Sub, true);',
    'a wrapper' => 'class Wrapper implements SessionHandlerInterface { private $inner;
            function __construct($inner) { $this->inner = $inner; }
            function open($path, $name): bool { return $this->inner->open($path, $name); }
            function close(): bool { return $this->inner->close(); }
            function read($id): string|false { $read = $this->inner->read($id); between($GLOBALS["where"]); return $read; }
            function write($id, $data): bool { return $this->inner->write($id, $data); }
            function destroy($id): bool { return $this->inner->destroy($id); }
            function gc($lifetime): int|false { return $this->inner->gc($lifetime); } }
        session_set_save_handler(new Wrapper(new RustRedis\SessionHandler), true);',
];
$ends = ['' => 'it goes on', 'throw new Exception("x");' => 'an exception', 'exit;' => 'an exit', 'trigger_error("u", E_USER_ERROR);' => 'an error'];
$object = 'O:4:"Item":1:{s:1:"n";i:1;}';
$texts = ['php' => "login|s:3:\"ada\";object|{$object}last|s:4:\"last\";",
    'php_serialize' => "a:3:{s:5:\"login\";s:3:\"ada\";s:6:\"object\";{$object}s:4:\"last\";s:4:\"last\";}"];
// Where the new id is asked for, and the calls that get there.
$wheres = [
    '__unserialize' => 'session_id($argv[1]); session_start();',
    'reset' => 'Item::$off = 1; session_id($argv[1]); session_start(); Item::$off = 0; session_reset();',
    'decode' => 'Item::$off = 1; session_id($argv[1]); session_start(); $text = session_encode(); Item::$off = 0; session_decode($text);',
    'another start' => 'session_id($argv[2]); session_start();',
    'read' => 'session_id($argv[1]); session_start();',
];
foreach ($texts as $serializer => $text) {
    foreach ($handlers as $name => $handler) {
        $wrong = [];
        foreach ($wheres as $where => $call) {
            if ($where === 'read' && $handler === '') {
                continue;
            }
            foreach ($ends as $end => $what) {
                [$id, $other] = [new_id(), new_id()];
                redis()->set(data_key($id), $text, 'EX', 1000);
                redis()->set(data_key($other), $text, 'EX', 1000);
                $another = $where === 'another start' ? 'session_write_close(); Item::$off = 1; session_id($argv[1]); session_start();' : '';
                $inside = $where === 'read' ? '@session_write_close();' : '';
                $code = "\$where = '$where'; function between(\$where) { if (\$where === 'read') { move(); } }
                    function move() { global \$argv; $inside $another @session_regenerate_id(true); $end }
                    class Item { static \$off = 0; public \$n; function __unserialize(\$data): void { if (!self::\$off && \$GLOBALS['where'] !== 'read') { move(); } }
                        function __serialize(): array { return ['n' => 1]; } }
                    $handler try { $call } catch (Exception \$e) { }";
                Child::run($code, [$id, $other], ['session.serialize_handler' => $serializer, 'session.use_cookies' => 0, 'session.cache_limiter' => '',
                    'display_errors' => 0, 'output_buffering' => 4096])->output();
                $now = array_map(fn ($id) => [redis()->get(data_key($id)), redis()->exists(side_key($id, 'STATE')), is_locked($id)], [$id, $other]);
                if ($now !== [[$text, 0, false], [$text, 0, false]]) {
                    $wrong["$where, $what"] = $now;
                }
            }
        }
        same("$serializer, $name", [], $wrong);
    }
}
--EXPECTREGEX--
(ok: [^\n]*\n?)+
