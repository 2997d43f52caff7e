--TEST--
switching from php and php_serialize to json logs nobody out: what they, and phpredis, wrote is read, and the next write is JSON
--INI--
session.serialize_handler=json
--FILE--
<?php
require __DIR__ . '/../support/support.inc';
require __DIR__ . '/exact.inc';

$values = ['int' => 1, 'float' => 1.0, 'text' => 'a|b', 'bytes' => "\0\xff", 'list' => [1, [2, null]], 'map' => ['x' => true, 5 => -0.0],
    'looks like objects' => 'O:8:"stdClass":0:{}', "O:8:\"stdClass\":0:{}" => 'C:1:"x":0:{}'];
$json = '{"int":1,"float":1.0,"text":"a|b","bytes":{"$bytes":"AP8="},"list":[1,[2,null]],"map":{"$map":[["x",true],[5,-0.0]]},'
    . '"looks like objects":"O:8:\"stdClass\":0:{}","O:8:\"stdClass\":0:{}":"C:1:\"x\":0:{}"}';
foreach (['php', 'php_serialize'] as $before) {
    foreach (['read' => 0, 'written' => 1] as $what => $write) {
        ini_set('session.serialize_handler', $before);
        $id = new_id();
        start($id);
        $_SESSION = $values;
        session_write_close();
        $stored = redis()->get(data_key($id));
        $_SESSION = [];
        ini_set('session.serialize_handler', 'json');
        $got = warnings_of(fn () => start($id));
        same("$before is read without a word", [], $got);
        identical('exactly', $values, $_SESSION);
        if ($write) {
            $_SESSION['n'] = 1;
        }
        session_write_close();
        same('and written as JSON', substr($json, 0, -1) . ($write ? ',"n":1}' : '}'), redis()->get(data_key($id)));
    }
    $id = new_id();
    redis()->set(data_key($id), $before === 'php' ? '' : 'a:0:{}', 'EX', 100);
    start($id);
    same("an empty session of $before", [], $_SESSION);
    session_write_close();
    ok('stays one', in_array(redis()->get(data_key($id)), ['', '{}', 'a:0:{}'], true), redis()->get(data_key($id)));
}
// As phpredis writes it, with a TTL of its own and no lock.
$id = new_id();
redis()->setex(data_key($id), 1440, 'user|a:2:{s:2:"id";i:7;s:4:"name";s:4:"Zoë";}__flash|b:0;');
start($id);
same('what phpredis wrote', ['user' => ['id' => 7, 'name' => 'Zoë'], '__flash' => false], $_SESSION);
session_write_close();
same('is JSON then', '{"user":{"id":7,"name":"Zoë"},"__flash":false}', redis()->get(data_key($id)));
// References inside, which only PHP's formats have.
$id = new_id();
redis()->set(data_key($id), 'a|a:1:{i:0;i:1;}b|R:1;', 'EX', 100);
start($id);
same('references', ['a' => [1], 'b' => [1]], $_SESSION);
session_write_close();
same('become values', '{"a":[1],"b":[1]}', redis()->get(data_key($id)));
// The one name of the php format that looks like JSON.
$id = new_id();
redis()->set(data_key($id), '{x|i:1;', 'EX', 100);
$got = warnings_of(fn () => start($id));
preg_match('/' . PREFIX . 'ASIDE:[0-9a-f]{32}/', implode($got), $m);
same('a name that begins with { is kept aside', '{x|i:1;', redis()->get($m[0] ?? ''));
--EXPECT--
ok: php is read without a word
ok: exactly
ok: and written as JSON
ok: php is read without a word
ok: exactly
ok: and written as JSON
ok: an empty session of php
ok: stays one
ok: php_serialize is read without a word
ok: exactly
ok: and written as JSON
ok: php_serialize is read without a word
ok: exactly
ok: and written as JSON
ok: an empty session of php_serialize
ok: stays one
ok: what phpredis wrote
ok: is JSON then
ok: references
ok: become values
ok: a name that begins with { is kept aside
