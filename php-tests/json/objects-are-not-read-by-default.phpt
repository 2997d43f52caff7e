--TEST--
json: without json_objects=serialize no text creates an object; the value is kept aside, and is read once objects are chosen
--INI--
session.serialize_handler=json
--FILE--
<?php
require __DIR__ . '/../support/support.inc';
require __DIR__ . '/exact.inc';

class Gadget
{
    public function __wakeup()
    {
        echo "NOT OK: woken up\n";
    }

    public function __destruct()
    {
        echo "NOT OK: destroyed\n";
    }
}
spl_autoload_register(function (string $class) {
    echo "NOT OK: $class is wanted\n";
});

$texts = ['{"o":{"$object":"O:6:\"Gadget\":0:{}"}}', '{"a":[{"$map":[["k",{"$object":"O:6:\"Gadget\":0:{}"}]]}]}',
    '{"o":{"$object":{"$bytes":"' . base64_encode('O:6:"Gadget":0:{}') . '"}}}', '{"o":{"\u0024object":"O:7:\"Unknown\":0:{}"}}',
    'o|O:6:"Gadget":0:{}', 'n|i:1;o|a:1:{i:0;O:6:"Gadget":0:{}}', 'a:1:{s:1:"o";O:6:"Gadget":0:{}}', 'o|E:8:"Suit:Red";', 'o|C:7:"Unknown":0:{}'];
foreach ($texts as $text) {
    $id = new_id();
    redis()->set(data_key($id), $text, 'EX', 100);
    $got = warnings_of(fn () => start($id));
    check_warnings(substr($text, 0, 30), $got, [['cannot be read as JSON', 'object', 'rustredis.json_objects=serialize'], ['kept', 'ASIDE:'], 'Failed to decode'], $id);
    preg_match('/' . PREFIX . 'ASIDE:[0-9a-f]{32}/', $got[1] ?? '', $m);
    if (redis()->get($m[0] ?? '') !== $text) {
        same('what is kept', $text, redis()->get($m[0] ?? ''));
    }
    same('the session is empty', [], $_SESSION);
}
// Also where PHP's unserialize() has a state of its own: in a callback of serialize().
class Caller
{
    public function __serialize(): array
    {
        same('decode in a callback', false, @session_decode('o|O:6:"Gadget":0:{}'));
        return [];
    }
}
start($id);
serialize(new Caller());
redis()->set(data_key($id), '{"o":{"$object":"O:8:\"stdClass\":0:{}"}}', 'EX', 100);
ini_set('rustredis.json_objects', 'serialize');
start($id);
same('once they are chosen', true, $_SESSION == ['o' => new stdClass()]);
session_abort();
--EXPECT--
ok: {"o":{"$object":"O:6:\"Gadget\
ok: the session is empty
ok: {"a":[{"$map":[["k",{"$object"
ok: the session is empty
ok: {"o":{"$object":{"$bytes":"Tzo
ok: the session is empty
ok: {"o":{"\u0024object":"O:7:\"Un
ok: the session is empty
ok: o|O:6:"Gadget":0:{}
ok: the session is empty
ok: n|i:1;o|a:1:{i:0;O:6:"Gadget":
ok: the session is empty
ok: a:1:{s:1:"o";O:6:"Gadget":0:{}
ok: the session is empty
ok: o|E:8:"Suit:Red";
ok: the session is empty
ok: o|C:7:"Unknown":0:{}
ok: the session is empty
ok: decode in a callback
ok: once they are chosen
