--TEST--
a fatal error, or the time limit, while objects are decoded behind a handler class: the stored session stays, nobody is logged out
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$handlers = [
    'PHP\'s own' => '',
    'a subclass' => 'class Sub extends SessionHandler { function destroy($id): bool { return parent::destroy($id); } }
        session_set_save_handler(new Sub, true);',
    'a wrapper' => 'class Wrapper implements SessionHandlerInterface { private $inner;
            function __construct($inner) { $this->inner = $inner; }
            function open($path, $name): bool { return $this->inner->open($path, $name); }
            function close(): bool { return $this->inner->close(); }
            function read($id): string|false { return $this->inner->read($id); }
            function write($id, $data): bool { return $this->inner->write($id, $data); }
            function destroy($id): bool { return $this->inner->destroy($id); }
            function gc($lifetime): int|false { return $this->inner->gc($lifetime); } }
        session_set_save_handler(new Wrapper(new SessionHandler), true);',
    'functions' => '$h = new SessionHandler; function end_it($id) { return $GLOBALS["h"]->destroy($id); }
        @session_set_save_handler($h->open(...), $h->close(...), $h->read(...), $h->write(...), "end_it", $h->gc(...));',
    'RustRedis\SessionHandler' => 'session_set_save_handler(new RustRedis\SessionHandler, true);',
];
$ends = [
    'an error of the script' => '@trigger_error("u", E_USER_ERROR);',
    'a class that is there already' => 'eval("class Item {}");',
    'a missing file' => 'require "/nowhere/at/all.php";',
    'the time limit' => 'for (set_time_limit(1);;);',
];
$texts = ['php' => 'login|s:3:"ada";object|%s', 'php_serialize' => 'a:2:{s:5:"login";s:3:"ada";s:6:"object";%s}', 'php_binary' => "\x05logins:3:\"ada\";\x06object%s"];
$object = 'O:4:"Item":1:{s:1:"n";i:1;}';
$calls = [
    'session_start' => 'session_start();',
    'session_reset' => 'Item::$off = 1; session_start(); Item::$off = 0; session_reset();',
    'session_decode' => 'Item::$off = 1; session_start(); $text = session_encode(); Item::$off = 0; session_decode($text);',
    'a start at the end' => 'register_shutdown_function(fn () => session_start());',
];

function trial(string $id, string $handler, string $method, string $end, string $call, string $stored, string $serializer): array
{
    redis()->set(data_key($id), $stored, 'EX', 1000);
    $code = "class Item { static \$off = 0; public \$n; function $method(\$data = null) { if (!self::\$off) { $end } } } $handler session_id(\$argv[1]); $call echo 'not reached';";
    $said = Child::run($code, [$id], ['session.serialize_handler' => $serializer, 'session.use_cookies' => 0, 'session.cache_limiter' => '', 'display_errors' => 0])->output();
    $now = [redis()->get(data_key($id)), redis()->exists(side_key($id, 'STATE')), is_locked($id), $said];
    redis()->del(data_key($id), side_key($id, 'STATE'));
    return $now;
}

foreach ($handlers as $name => $handler) {
    $wrong = [];
    foreach ($ends as $end => $code) {
        foreach ($end === 'an error of the script' ? ['__unserialize', '__wakeup'] : ['__unserialize'] as $method) {
            foreach ($end === 'an error of the script' && $method === '__unserialize' ? $texts : ['php' => $texts['php']] as $serializer => $text) {
                foreach ($end === 'a class that is there already' ? $calls : ['session_start' => $calls['session_start']] as $function => $call) {
                    $stored = sprintf($text, $object);
                    $now = trial(new_id(), $handler, $method, $code, $call, $stored, $serializer);
                    if ([$stored, 0, false] !== array_slice($now, 0, 3) || ($function !== 'a start at the end' && $now[3] !== '')) {
                        $wrong["$end, $method, $serializer, $function"] = $now;
                    }
                }
            }
        }
    }
    same($name, [], $wrong);
}

// What a script asks for after a fatal error is done.
foreach (['a closure' => 'fn () => $h->destroy($argv[1])', 'the method itself' => '[$h, "destroy"], $argv[1]'] as $what => $function) {
    foreach (['SessionHandler', 'RustRedis\SessionHandler'] as $class) {
        $id = new_id();
        store_session($id, ['n' => 1]);
        $said = Child::run("\$h = new $class; session_set_save_handler(\$h, false); session_id(\$argv[1]); session_start();
            register_shutdown_function($function); register_shutdown_function(fn () => say('stored: ' . redis()->exists(data_key(\$argv[1]))));
            eval('class Child {}');", [$id], ['session.use_cookies' => 0, 'display_errors' => 0])->output();
        same("$class, $what as a shutdown function: deleted", 'stored: 0', $said);
    }
}

// A shutdown function may start the session again, and change it.
foreach ($handlers as $name => $handler) {
    $id = new_id();
    redis()->set(data_key($id), sprintf($texts['php'], $object), 'EX', 1000);
    Child::run("class Item { static \$off = 0; public \$n; function __unserialize(\$data): void { if (!self::\$off) { eval('class Child {}'); } } }
        register_shutdown_function(function () { Item::\$off = 1; session_id(\$GLOBALS['argv'][1]); session_start(); \$_SESSION['more'] = 1; session_write_close(); });
        $handler session_id(\$argv[1]); session_start();", [$id], ['session.use_cookies' => 0, 'session.cache_limiter' => '', 'display_errors' => 0])->output();
    ok("$name: a start after it saves", str_contains($now = (string) redis()->get(data_key($id)), 'more|i:1;') && str_contains($now, 'ada'), $now);
}
--EXPECTREGEX--
(ok: [^\n]*\n?)+
