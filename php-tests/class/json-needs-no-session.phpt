--TEST--
RustRedis\Json encodes and decodes as session.serialize_handler=json does, without a session
--INI--
rustredis.max_value_size=1K
--FILE--
<?php
require __DIR__ . '/class.inc';
require __DIR__ . '/../json/exact.inc';

use RustRedis\Json;

$vectors = json_decode(file_get_contents(getenv('RUSTREDIS_ROOT') . '/docs/json-vectors.json'), true, 1024, JSON_THROW_ON_ERROR);
$failed = [];
foreach ($vectors as $vector) {
    ['name' => $name, 'json' => $json, 'php' => $php] = $vector;
    $only = $vector['only'] ?? 'both';
    ini_set('rustredis.json_objects', $vector['objects'] ?? 'refuse');
    if ($only === 'refused') {
        // A text of before the json serializer needs a session to be read.
        $failed[$name] = thrown(fn () => Json::decode($json)) !== 'SessionException';
        continue;
    }
    $value = eval("return $php;");
    $failed[$name] = ($only === 'both' && Json::encode($value) !== $json) || exact(Json::decode($json)) !== exact($value);
}
same('every vector', [], array_keys(array_filter($failed)));
ok('there are some', count($failed) > 50, count($failed));
ini_set('rustredis.json_objects', 'refuse');
same('nothing', ['{}', [], []], [Json::encode([]), Json::decode('{}'), Json::decode('')]);
same('more than max_value_size', 5000, strlen(Json::decode(Json::encode(['a' => str_repeat('x', 5000)]))['a']));
$data = ['a' => ['b' => new ArrayObject()]];
same('an object', 'SessionException', thrown(fn () => Json::encode($data), $thrown));
same('the message', "rustredis: the session cannot be written as JSON: \$data['a']['b'] is an object of class ArrayObject; keep plain data in the session, or set rustredis.json_objects=serialize", $thrown->getMessage());
$data = ['a' => fopen('php://memory', 'r')];
same('a resource', 'SessionException', thrown(fn () => Json::encode($data)));
foreach (['[', 'n|i:1;', '{"a":1', "\0"] as $text) {
    same('no JSON', 'SessionException', thrown(fn () => Json::decode($text), $thrown));
    ok('the message', str_starts_with($thrown->getMessage(), 'rustredis: the session cannot be read as JSON: '), $thrown->getMessage());
}
ini_set('rustredis.json_objects', 'serialize');
class Throws
{
    public function __serialize(): array
    {
        throw new DomainException('mine');
    }
}
class Nests
{
    public string $json = '';
    public function __serialize(): array
    {
        return ['json' => Json::encode(['inner' => [1, 2]])];
    }
    public function __unserialize(array $data): void
    {
        $this->json = json_encode(Json::decode($data['json']));
    }
}
same('an exception of an object', 'DomainException', thrown(fn () => Json::encode(['a' => new Throws()])));
same('one inside of another', '{"inner":[1,2]}', Json::decode(Json::encode(['a' => new Nests(), 'b' => 1]))['a']->json);
--EXPECT--
ok: every vector
ok: there are some
ok: nothing
ok: more than max_value_size
ok: an object
ok: the message
ok: a resource
ok: no JSON
ok: the message
ok: no JSON
ok: the message
ok: no JSON
ok: the message
ok: no JSON
ok: the message
ok: an exception of an object
ok: one inside of another
