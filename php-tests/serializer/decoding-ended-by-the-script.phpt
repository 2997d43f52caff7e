--TEST--
a script's own exception, or its exit, while objects are decoded: what is stored stays where it is, with every serializer
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

// Each in a class of its own, as a script would have it.
$class = 'class Item { public %s $n = %s;
    function __serialize(): array { return ["n" => $this->n]; }
    function __unserialize(array $data): void { %s $this->n = $data["n"]; } }
class Old { public %s $n = %s; function __wakeup() { %s } }';
$store = sprintf($class, 'int', 1, '', 'int', 1, '') . '
    session_id($argv[1]); session_start(); $_SESSION = ["login" => "ada", "object" => new $argv[2], "last" => 1];';
$ends = [
    'an exception' => 'throw new RuntimeException("no database");',
    'one of a function' => 'json_decode("{", flags: JSON_THROW_ON_ERROR);',
    'an error' => 'no_such_function();',
    'an exit' => 'exit("gone");',
    'an error handler that throws' => 'set_error_handler(function ($l, $m) { throw new ErrorException($m); }); echo $missing;',
    'an error handler that exits' => 'set_error_handler(function () { exit("gone"); }); echo $missing;',
];
$serializers = array_filter(['php', 'php_serialize', 'php_binary', 'json', 'igbinary', 'msgpack'],
    fn ($name) => !in_array($name, ['igbinary', 'msgpack'], true) || extension_loaded($name));
foreach ($serializers as $serializer) {
    $ini = ['session.serialize_handler' => $serializer, 'rustredis.json_objects' => 'serialize', 'session.use_cookies' => 0, 'session.cache_limiter' => ''];
    $wrong = [];
    foreach ($serializer === 'msgpack' ? ['Old'] : ['Item', 'Old'] as $name) {
        $id = new_id();
        Child::run($store, [$id, $name], $ini)->output();
        $stored = redis()->get(data_key($id));
        foreach ($ends as $end => $code) {
            $start = sprintf($class, 'int', 1, $code, 'int', 1, $code) . ' session_id($argv[1]); session_start(); echo "not reached";';
            $said = Child::run($start, [$id], $ini)->output();
            $now = redis()->get(data_key($id));
            if ($now !== $stored || is_locked($id) || str_contains($said, 'not reached') || str_contains($said, 'for a day under')) {
                $wrong["$name, $end"] = [$now, is_locked($id), $said];
            }
        }
    }
    same($serializer, [], $wrong);
}

// What does not fit its class any more is PHP's own error, and would be one for ever.
$id = new_id();
$ini['session.serialize_handler'] = 'php_serialize';
Child::run('class Old { public $n = "text"; } session_id($argv[1]); session_start(); $_SESSION["object"] = new Old;', [$id], $ini)->output();
$said = Child::run('class Old { public int $n; } session_id($argv[1]); session_start();', [$id], $ini)->output();
same('a value that does not fit its class is set aside', [null, false, true],
    [redis()->get(data_key($id)), is_locked($id), str_contains($said, 'for a day under')]);
--EXPECTREGEX--
(ok: [^\n]*\n?)+
