--TEST--
json with rustredis.json_objects=serialize: objects come back with their class, each for itself
--INI--
session.serialize_handler=json
rustredis.json_objects=serialize
--FILE--
<?php
require __DIR__ . '/../support/support.inc';
require __DIR__ . '/exact.inc';

class Item
{
    public $same;

    public function __construct(public string $name, private array $tags = [], protected float $price = 1.0)
    {
    }
}

class Versioned
{
    public function __construct(public string $state = 'new')
    {
    }

    public function __serialize(): array
    {
        return ['state' => strrev($this->state)];
    }

    public function __unserialize(array $data): void
    {
        $this->state = strrev($data['state']);
    }
}

enum Suit: string
{
    case Hearts = 'h';
}

$item = new Item('book', ["\xff"]);
$item->same = $item;
$session = ['item' => $item, 'list' => [new Item('a'), ['v' => new Versioned('abc')]], 'suit' => Suit::Hearts,
    'at' => new DateTimeImmutable('2020-01-01 00:00:00 UTC'), 'plain' => (object) ['a' => 1], 'n' => 1.0];
$id = new_id();
start($id);
$_SESSION = $session;
session_write_close();
$_SESSION = [];
$stored = redis()->get(data_key($id));
$json = json_decode($stored, true, 512, JSON_THROW_ON_ERROR);
same('a plain one on the wire', ['$object' => 'O:8:"stdClass":1:{s:1:"a";i:1;}'], $json['plain']);
same('bytes on the wire', ['$object' => ['$bytes' => base64_encode(serialize($item))]], $json['item']);
same('a list of them', ['$object' => serialize(new Item('a'))], $json['list'][0]);
start($id);
same('equal', true, $_SESSION == ['item' => $_SESSION['item']] + $session);
same('with private members', serialize($item), serialize($_SESSION['item']));
same('an object in itself', $_SESSION['item'], $_SESSION['item']->same);
same('an enum', Suit::Hearts, $_SESSION['suit']);
same('__serialize and __unserialize', 'abc', $_SESSION['list'][1]['v']->state);
redis()->append(data_key($id), ' ');
session_write_close();
same('unchanged is not written', "$stored ", redis()->get(data_key($id)));
$one = (object) ['n' => 1];
$back = decoded(encoded(['a' => $one, 'b' => $one]));
same('one object in two places', true, $back['a'] == $back['b']);
same('is two afterwards', false, $back['a'] === $back['b']);
$got = warnings_of(function () {
    try {
        same('a closure', false, encoded(['f' => fn () => 1]));
    } catch (Exception $exception) {
        same('a closure throws', "Serialization of 'Closure' is not allowed", $exception->getMessage());
    }
});
same('and says nothing else', [], $got);
same('an unknown class', '__PHP_Incomplete_Class', get_class(decoded('{"o":{"$object":"O:7:\"Unknown\":0:{}"}}')['o']));
same('and is written as it was', '{"o":{"$object":"O:7:\"Unknown\":0:{}"}}', session_encode());
session_abort();
--EXPECT--
ok: a plain one on the wire
ok: bytes on the wire
ok: a list of them
ok: equal
ok: with private members
ok: an object in itself
ok: an enum
ok: __serialize and __unserialize
ok: unchanged is not written
ok: one object in two places
ok: is two afterwards
ok: a closure throws
ok: and says nothing else
ok: an unknown class
ok: and is written as it was
