--TEST--
behind session_set_save_handler(), the class saves and destroys no session that PHP has only half decoded or could not encode
--FILE--
<?php
require __DIR__ . '/class.inc';

use RustRedis\SessionHandler;

class Value
{
    public static ?Closure $then = null;
    public int $n = 0;

    public function __serialize(): array
    {
        return ['n' => $this->n];
    }

    public function __unserialize(array $data): void
    {
        if ([$then, self::$then] = [self::$then, null] and $then) {
            $then();
        }
        $this->n = $data['n'];
    }
}
session_set_save_handler(new SessionHandler());
ini_set('error_log', $log = temp_file('', '.log'));
$id = new_id();
$stored = 'a|O:5:"Value":1:{s:1:"n";i:5;}b|O:5:"Value":1:{s:1:"n";i:5;}';
$begin = function (string $text) use ($id) {
    redis()->set(data_key($id), $text, 'EX', 100);
    return thrown(fn () => start($id));
};
$stays = function (string $what, string $text) use ($id) {
    same("$what: what is stored stays", $text, redis()->get(data_key($id)));
    same("$what: no lock is left", false, is_locked($id));
};
Value::$then = fn () => throw new DomainException('a database is down');
same('an exception while it is decoded', 'DomainException', $begin($stored));
$_SESSION['more'] = 1;
same('the write is refused', 'SessionException', thrown('session_write_close', $thrown));
ok('with the reason', str_contains($thrown->getMessage(), 'an exception ended its decoding'), $thrown->getMessage());
session_status() === PHP_SESSION_ACTIVE && session_abort();
$stays('an exception', $stored);

ini_set('session.serialize_handler', 'json');
ini_set('session.lazy_write', '0');
$begin('{"user":"ann"}');
$_SESSION['object'] = new stdClass();
same('one that cannot be encoded', 'SessionException', thrown(fn () => @session_write_close(), $thrown));
ok('with the reason', str_contains($thrown->getMessage(), 'json could not encode it'), $thrown->getMessage());
session_status() === PHP_SESSION_ACTIVE && session_abort();
$stays('not encoded', '{"user":"ann"}');
ini_restore('session.lazy_write');

$broken = '{"user":"' . $id . '"';
$got = warnings_of(fn () => $begin($broken));
ok('only the words of PHP and the serializer', count($got) === 2 && !str_contains(implode($got), 'ASIDE'), $got);
session_status() === PHP_SESSION_ACTIVE && session_abort();
$aside = array_filter(redis()->keys(PREFIX . 'ASIDE:*'), fn ($key) => redis()->get($key) === $broken);
same('what PHP cannot decode is kept aside', 1, count($aside));
ok('and the log has the key', str_contains(file_get_contents($log), current($aside)), file_get_contents($log));
same('and is no session any more', null, redis()->get(data_key($id)));
ini_restore('session.serialize_handler');

$begin($stored);
$_SESSION['more'] = 1;
session_regenerate_id(true);
same('after all that it works', [5, 1], [$_SESSION['a']->n, $_SESSION['more']]);
$new = session_id();
session_write_close();
same('under its new id', [null, "{$stored}more|i:1;"], [redis()->get(data_key($id)), redis()->get(data_key($new))]);
same('late requests under the old id see what was there before', $stored, (new SessionHandler())->read($id));
same('and store nothing', 'SessionDestroyedException', thrown(function () use ($id) {
    $late = new SessionHandler();
    $late->read($id);
    $late->write($id, 'late');
}));
same('what was destroyed stays so', [null, false], [redis()->get(data_key($id)), is_locked($id)]);

$open = 'session_set_save_handler(new RustRedis\SessionHandler(), false); session_id($argv[1]); session_start(); $_SESSION["a"] = str_repeat("x", 99);';
$said = Child::plain('restore_error_handler(); ' . $open, [$id = new_id()], ['rustredis.max_value_size' => 50])->output();
ok('at the end of a request no script could catch an exception', str_contains($said, 'rustredis.max_value_size allows 50') && !str_contains($said, 'Uncaught'), $said);
same('no lock is left', false, is_locked($id));
--EXPECT--
ok: an exception while it is decoded
ok: the write is refused
ok: with the reason
ok: an exception: what is stored stays
ok: an exception: no lock is left
ok: one that cannot be encoded
ok: with the reason
ok: not encoded: what is stored stays
ok: not encoded: no lock is left
ok: only the words of PHP and the serializer
ok: what PHP cannot decode is kept aside
ok: and the log has the key
ok: and is no session any more
ok: after all that it works
ok: under its new id
ok: late requests under the old id see what was there before
ok: and store nothing
ok: what was destroyed stays so
ok: at the end of a request no script could catch an exception
ok: no lock is left