--TEST--
rolling back from json: php and php_serialize read what json wrote; the serializers that cannot keep it aside
--EXTENSIONS--
igbinary
msgpack
--INI--
session.serialize_handler=json
--FILE--
<?php
require __DIR__ . '/../support/support.inc';
require __DIR__ . '/exact.inc';

$values = ['int' => 1, 'float' => 1.0, 'bytes' => "\0\xff", 'list' => [1, [2, NAN]], 'map' => ['x' => true, 5 => -0.0], 'tag' => ['$map' => []]];
foreach (['php', 'php_serialize'] as $after) {
    foreach ([0, 1] as $write) {
        ini_set('session.serialize_handler', 'json');
        $id = new_id();
        start($id);
        $_SESSION = $values;
        session_write_close();
        $_SESSION = [];
        ini_set('session.serialize_handler', $after);
        same("$after says nothing", [], warnings_of(fn () => start($id)));
        identical('and reads it', $values, $_SESSION);
        if ($write) {
            $_SESSION['n'] = 2;
        }
        session_write_close();
        ini_set('session.serialize_handler', 'json');
        start($id);
        identical('it can be switched again', $write ? $values + ['n' => 2] : $values, $_SESSION);
        session_abort();
    }
    $id = new_id();
    redis()->set(data_key($id), '{}', 'EX', 100);
    ini_set('session.serialize_handler', $after);
    start($id);
    same("an empty session for $after", [], $_SESSION);
    $_SESSION['n'] = 1;
    session_write_close();
    same('is one', $after === 'php' ? 'n|i:1;' : 'a:1:{s:1:"n";i:1;}', redis()->get(data_key($id)));
}
ini_set('session.serialize_handler', 'php_serialize');
redis()->set(data_key($id), '{"0":"a","x":"b"}', 'EX', 100);
start($id);
same('php_serialize keeps integer keys', ['a', 'x' => 'b'], $_SESSION);
session_abort();

$text = '{"user":"ada","long":"' . str_repeat('x', 200) . '"}';
foreach (['php_binary', 'igbinary', 'msgpack'] as $after) {
    foreach ([$text, '{"n":1}', '{"o":{"$object":"O:8:\"stdClass\":0:{}"}}'] as $json) {
        ini_set('session.serialize_handler', $after);
        $id = new_id();
        redis()->set(data_key($id), $json, 'EX', 100);
        warnings_of(fn () => start($id));
        if (session_status() === PHP_SESSION_ACTIVE) {
            $_SESSION['next'] = 1;
            @session_write_close();
        }
        $aside = array_filter(redis()->keys(PREFIX . 'ASIDE:*'), fn ($key) => redis()->get($key) === $json);
        ok("$after keeps it aside", count($aside) === 1 || redis()->get(data_key($id)) === $json, redis()->get(data_key($id)));
        array_map(fn ($key) => redis()->del($key), $aside);
    }
}
--EXPECT--
ok: php says nothing
ok: and reads it
ok: it can be switched again
ok: php says nothing
ok: and reads it
ok: it can be switched again
ok: an empty session for php
ok: is one
ok: php_serialize says nothing
ok: and reads it
ok: it can be switched again
ok: php_serialize says nothing
ok: and reads it
ok: it can be switched again
ok: an empty session for php_serialize
ok: is one
ok: php_serialize keeps integer keys
ok: php_binary keeps it aside
ok: php_binary keeps it aside
ok: php_binary keeps it aside
ok: igbinary keeps it aside
ok: igbinary keeps it aside
ok: igbinary keeps it aside
ok: msgpack keeps it aside
ok: msgpack keeps it aside
ok: msgpack keeps it aside
