--TEST--
json: what cannot be kept is refused, and the warning says where it is
--INI--
session.serialize_handler=json
--FILE--
<?php
namespace App;

require __DIR__ . '/../support/support.inc';
require __DIR__ . '/exact.inc';

class Item
{
}

enum Suit: string
{
    case Hearts = 'h';
}

function refused(string $what, array $session, string ...$says): void
{
    $got = warnings_of(fn () => same($what, false, encoded($session)));
    check_warnings($what, $got, [['rustredis: the session is not saved: ', ...array_map(preg_quote(...), $says)]]);
}

$cart = ['items' => [1, 2, 3, new Item()]];
refused('an object', ['cart' => $cart], "\$_SESSION['cart']['items'][3] is an object of class App\\Item; ", 'rustredis.json_objects=serialize');
refused('a closure', ['f' => fn () => 1], "\$_SESSION['f'] is an object of class Closure");
refused('an enum', [5 => [-1 => Suit::Hearts]], '$_SESSION[5][-1] is an object of class App\Suit');
refused('a date', ['at' => new \DateTimeImmutable()], "\$_SESSION['at'] is an object of class DateTimeImmutable");
refused('an anonymous class', ['x' => new class {}], "\$_SESSION['x'] is an object of class class@anonymous;");
refused('JsonSerializable is no way round', ['x' => new class implements \JsonSerializable {
    public function jsonSerialize(): mixed
    {
        echo "called\n";
    }
}], "\$_SESSION['x'] is an object");
$file = fopen('php://memory', 'r');
refused('a resource', ['f' => [$file]], "\$_SESSION['f'][0] is a resource");
fclose($file);
refused('a closed resource', ['f' => [$file]], "\$_SESSION['f'][0] is a resource");
$loop = ['a' => 1];
$loop['again'] = &$loop;
refused('an array in itself', ['l' => $loop], "\$_SESSION['l']['again'] contains itself");
unset($loop);
encoded([]);
$_SESSION['self'] = &$_SESSION;
$got = warnings_of(fn () => same('$_SESSION in itself', false, session_encode()));
check_warnings('$_SESSION in itself', $got, [preg_quote("\$_SESSION['self'] contains itself")]);
unset($_SESSION['self']);
refused('odd keys are shown in one line', ["a'b\n" => ["\0" => new Item()]], "\$_SESSION['a?b?']['?'] is an object");
refused('a long key is cut', [str_repeat('k ', 250) => new Item()], "\$_SESSION['" . str_repeat('k ', 30) . "'] is an object");
$deep = array_reduce(range(1, 300), fn ($v) => ['abc' => $v], new Item());
refused('a long path is cut, and says so', ['top' => $deep], "\$_SESSION[...]['abc']", "['abc'] is an object of class App\\Item");
same('the same array twice is not recursion', '{"a":[[1],[1]]}', encoded(['a' => [$one = [1], $one]]));
session_abort();
--EXPECT--
ok: an object
ok: an object
ok: a closure
ok: a closure
ok: an enum
ok: an enum
ok: a date
ok: a date
ok: an anonymous class
ok: an anonymous class
ok: JsonSerializable is no way round
ok: JsonSerializable is no way round
ok: a resource
ok: a resource
ok: a closed resource
ok: a closed resource
ok: an array in itself
ok: an array in itself
ok: $_SESSION in itself
ok: $_SESSION in itself
ok: odd keys are shown in one line
ok: odd keys are shown in one line
ok: a long key is cut
ok: a long key is cut
ok: a long path is cut, and says so
ok: a long path is cut, and says so
ok: the same array twice is not recursion
