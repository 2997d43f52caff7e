--TEST--
a session that is started while another one is encoded or decoded gets nothing of it
--INI--
rustredis.json_objects=serialize
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class Calls
{
    public static ?Closure $in_encoding = null;
    public static ?Closure $in_decoding = null;

    public function __serialize(): array
    {
        $call = self::$in_encoding;
        self::$in_encoding = null;
        $call && $call();
        return ['a' => 1];
    }

    public function __unserialize(array $values): void
    {
        $call = self::$in_decoding;
        self::$in_decoding = null;
        $call && $call();
    }
}

function stored(string $id): array
{
    $_SESSION = [];
    start($id, ['read_and_close' => true]);
    return array_diff_key($_SESSION, ['calls' => 0]);
}

foreach (['php', 'php_serialize', 'json'] as $serializer) {
    ini_set('session.serialize_handler', $serializer);
    [$mine, $other] = [new_id(), new_id()];
    start($other);
    $_SESSION = ['user' => 'other'];
    session_write_close();
    start($mine);
    $_SESSION = ['user' => 'mine', 'calls' => new Calls, 'last' => 1];
    Calls::$in_encoding = function () use ($other): void {
        session_write_close();
        start($other);
    };
    warnings_of(fn () => session_write_close());
    same("$serializer, encoding: both have their own", [['user' => 'other'], true],
        [stored($other), in_array(stored($mine), [[], ['user' => 'mine', 'last' => 1]], true)]);

    start($mine);
    $_SESSION = ['user' => 'mine', 'calls' => new Calls, 'last' => 1];
    session_write_close();
    Calls::$in_decoding = function () use ($other): void {
        session_abort();
        start($other);
    };
    warnings_of(function () use ($mine): void {
        start($mine);
        session_write_close();
    });
    same("$serializer, decoding: both have their own", [['user' => 'other'], ['user' => 'mine', 'last' => 1]],
        [stored($other), stored($mine)]);

    // The other session is over before the encoding goes on.
    start($mine);
    $_SESSION['calls'] = new Calls;
    Calls::$in_encoding = function () use ($other): void {
        session_abort();
        start($other);
        $_SESSION['more'] = 2;
        session_write_close();
    };
    warnings_of(fn () => session_write_close());
    same("$serializer, a whole session inside", [['user' => 'other', 'more' => 2], ['user' => 'mine', 'last' => 1]],
        [stored($other), stored($mine)]);
}
--EXPECT--
ok: php, encoding: both have their own
ok: php, decoding: both have their own
ok: php, a whole session inside
ok: php_serialize, encoding: both have their own
ok: php_serialize, decoding: both have their own
ok: php_serialize, a whole session inside
ok: json, encoding: both have their own
ok: json, decoding: both have their own
ok: json, a whole session inside
