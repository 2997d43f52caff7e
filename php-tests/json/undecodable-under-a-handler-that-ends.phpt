--TEST--
json: a value that cannot be decoded is kept aside also if the error handler throws or exits, and the next request goes on
--INI--
session.serialize_handler=json
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$handlers = [
    'PHP\'s own' => '',
    'a subclass' => 'class Sub extends SessionHandler { function destroy($id): bool { return parent::destroy($id); } } session_set_save_handler(new Sub, true);',
    'RustRedis\SessionHandler' => 'session_set_save_handler(new RustRedis\SessionHandler, true);',
    'a class that keeps destroy() to itself' => 'class Sub extends SessionHandler { function destroy($id): bool { return true; } } session_set_save_handler(new Sub, true);',
];
$ends = ['throws' => 'throw new ErrorException($message);', 'exits' => 'exit;', 'goes on' => 'return true;'];
$calls = ['session_start' => 'session_start();', 'session_reset' => 'session_start(); redis()->set(data_key($argv[1]), $argv[2]); session_reset();'];
foreach ($handlers as $name => $handler) {
    $keeps = $name === 'a class that keeps destroy() to itself';
    $wrong = [];
    foreach ($ends as $end => $code) {
        foreach ($calls as $function => $call) {
            foreach (['{"n":1', '{"n":{"$object":"O:1:\"T\":0:{}"}}', 'n|not-serialized'] as $n => $text) {
                $id = new_id();
                $text = str_replace('n', $id . $n, $text); // Other tests keep values aside at the same time.
                redis()->set(data_key($id), $function === 'session_start' ? $text : '{"n":1}', 'EX', 1000);
                $said = Child::run("set_error_handler(function (\$level, \$message) { say('raised: ' . \$message); $code }); $handler session_id(\$argv[1]);
                    try { $call } catch (ErrorException) { }", [$id, $text],
                    ['session.serialize_handler' => 'json', 'session.use_cookies' => 0, 'session.cache_limiter' => '', 'display_errors' => 0])->output();
                $aside = array_filter(redis()->keys(PREFIX . 'ASIDE:*'), fn ($key) => redis()->get($key) === $text);
                $now = [redis()->get(data_key($id)), count($aside), is_locked($id), substr_count($said, 'cannot be read as JSON')];
                if ($now !== ($keeps ? [$text, 0, false, 1] : [null, 1, false, 1])) {
                    $wrong["$end, $function, $text"] = [...$now, $said];
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
ok: a class that keeps destroy() to itself
