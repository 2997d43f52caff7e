--TEST--
rolling back from json to php: names that this format does not have (integers, with a |) are not lost
--INI--
session.serialize_handler=json
--FILE--
<?php
require __DIR__ . '/../support/support.inc';
require __DIR__ . '/exact.inc';

foreach (['{"7":"seven","n":1}', '{"a|b":1,"n":1}'] as $json) {
    $id = new_id();
    redis()->set(data_key($id), $json, 'EX', 100);
    ini_set('session.serialize_handler', 'php');
    $got = warnings_of(fn () => start($id));
    if (session_status() === PHP_SESSION_ACTIVE) {
        $_SESSION['n'] = 2;
        $got = array_merge($got, warnings_of(fn () => session_write_close()));
    }
    $kept = redis()->get(data_key($id)) === $json
        || array_filter(redis()->keys(PREFIX . 'ASIDE:*'), fn ($key) => redis()->get($key) === $json);
    ok("$json: kept, or a warning says what is not", $kept || $got, [redis()->get(data_key($id)), $got]);
}
--EXPECT--
ok: {"7":"seven","n":1}: kept, or a warning says what is not
ok: {"a|b":1,"n":1}: kept, or a warning says what is not
