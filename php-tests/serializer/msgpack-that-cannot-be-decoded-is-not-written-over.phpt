--TEST--
a session that msgpack cannot decode is kept aside, or stays behind a handler class: the extension would take it for an empty one
--EXTENSIONS--
msgpack
igbinary
--INI--
session.serialize_handler=msgpack
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

final class Box
{
    public mixed $in = [1.5, -5, -500, 70000, PHP_INT_MAX];
}

/** Has a request write a session over this text. True if the text is still there afterwards. */
function is_kept(string $text): bool
{
    $id = new_id();
    redis()->set(data_key($id), $text, 'EX', 1000);
    warnings_of(function () use ($id): void {
        if (start($id)) {
            $_SESSION['more'] = 1;
            session_write_close();
        }
    });
    if (is_locked($id)) {
        echo "a lock is left\n";
    }
    $aside = array_filter(redis()->keys(PREFIX . 'ASIDE:*'), fn ($key) => redis()->get($key) === $text);
    array_map(redis()->del(...), $aside);
    return $aside !== [] || redis()->get(data_key($id)) === $text;
}

$values = ['n' => 1, 'text' => str_repeat('x', 40), 'long' => str_repeat('y', 300), 'box' => new Box(), 'list' => range(0, 20),
    'nothing' => null, 'yes' => true, 'map' => ['a' => -1, 'b' => ['c' => '']]];
$id = new_id();
start($id);
$_SESSION = $values;
session_write_close();
$text = redis()->get(data_key($id));
$lost = [];
for ($length = 1; $length < strlen($text); $length += $length < 60 || $length > strlen($text) - 30 ? 1 : 29) {
    if (!is_kept(substr($text, 0, $length))) {
        $lost[] = $length;
    }
}
same('each text that is cut', [], $lost);
same('a byte that has no meaning', true, is_kept("\x81\xa1a\xc1"));
foreach (['php', 'php_serialize', 'php_binary', 'igbinary', 'json'] as $serializer) {
    ini_set('session.serialize_handler', $serializer);
    start($other = new_id());
    $_SESSION = ['keep' => $other];
    session_write_close();
    ini_set('session.serialize_handler', 'msgpack');
    same($serializer, true, is_kept(redis()->get(data_key($other))));
}
start($id);
ok('the whole text', $_SESSION == $values);
$_SESSION['n']++;
same('it is saved', [], warnings_of('session_write_close'));
start($id);
same('and read', 2, $_SESSION['n']);
$_SESSION = [];
session_write_close();
start($id);
$_SESSION['n'] = 3;
same('an empty one', [], warnings_of('session_write_close'));
session_id(new_id());
start(session_id());
$_SESSION['n'] = 4;
same('a new one', [], warnings_of('session_write_close'));
// Forms that other languages write, and that PHP does not.
foreach (['82a161 01a162 02', 'de0002a161 01a162 02', '81a161 d90161', '81a161 da000161', '81a161 db0000000161', '81a161 cb3ff8000000000000',
    '81a161 cf0000000000000001', '81a161 d0ff', '81a161 d1ffff', '81a161 d2ffffffff', '81a161 d3ffffffffffffffff', '81a161 dd0000000101', '81a161 e0'] as $hex) {
    $own = new_id();
    redis()->set(data_key($own), hex2bin(str_replace(' ', '', $hex)), 'EX', 1000);
    $told = warnings_of(function () use ($own): void {
        start($own);
        $_SESSION['more'] = 1;
        session_write_close();
    });
    start($own);
    same($hex, [[], true], [$told, isset($_SESSION['a'], $_SESSION['more'])]);
    session_abort();
}
--EXPECTREGEX--
(ok: [^\n]+\n?){25}
