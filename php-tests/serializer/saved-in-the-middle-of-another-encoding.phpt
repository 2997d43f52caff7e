--TEST--
a session that an object saves while the session, or another value, is being encoded is stored whole or not at all
--EXTENSIONS--
igbinary
msgpack
--INI--
rustredis.json_objects=serialize
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class Saves
{
    public static bool $saves = false;
    public int $v = 1;

    public function __serialize(): array
    {
        if (self::$saves) {
            self::$saves = false;
            session_write_close();
        }
        return ['v' => 1];
    }
}
$inside = [
    'the session' => function (): void {
        $_SESSION['o'] = new Saves();
        session_write_close();
    },
    'another value' => fn () => [serialize([new Saves()]), igbinary_serialize([new Saves()])],
    'a value of msgpack' => fn () => msgpack_pack(['x' => new Saves()]),
];
foreach (['php', 'php_serialize', 'php_binary', 'json', 'igbinary', 'msgpack'] as $serializer) {
    ini_set('session.serialize_handler', $serializer);
    foreach ($inside as $what => $saves) {
        start($id = new_id());
        $_SESSION = ['keep' => 'KEPT', 'more' => ['x' => 1]];
        session_write_close();
        start($id);
        $_SESSION['end'] = 'END';
        Saves::$saves = true;
        $got = warnings_of(function () use ($saves): void {
            try {
                $saves();
            } catch (Error | ErrorException) {
            }
        });
        session_status() === PHP_SESSION_ACTIVE && session_abort();
        $said = (bool) preg_grep('/msgpack is encoding other values/', $got);
        start($id);
        $read = $_SESSION;
        session_abort();
        unset($read['o']);
        $whole = ['keep' => 'KEPT', 'more' => ['x' => 1]];
        ok("$serializer, inside of $what", in_array($read, [$whole, $whole + ['end' => 'END']], true), $read);
        ok('a refusal is told', $said || isset($read['end']), $got);
        same('the lock is free', false, is_locked($id));
    }
}
--EXPECT--
ok: php, inside of the session
ok: a refusal is told
ok: the lock is free
ok: php, inside of another value
ok: a refusal is told
ok: the lock is free
ok: php, inside of a value of msgpack
ok: a refusal is told
ok: the lock is free
ok: php_serialize, inside of the session
ok: a refusal is told
ok: the lock is free
ok: php_serialize, inside of another value
ok: a refusal is told
ok: the lock is free
ok: php_serialize, inside of a value of msgpack
ok: a refusal is told
ok: the lock is free
ok: php_binary, inside of the session
ok: a refusal is told
ok: the lock is free
ok: php_binary, inside of another value
ok: a refusal is told
ok: the lock is free
ok: php_binary, inside of a value of msgpack
ok: a refusal is told
ok: the lock is free
ok: json, inside of the session
ok: a refusal is told
ok: the lock is free
ok: json, inside of another value
ok: a refusal is told
ok: the lock is free
ok: json, inside of a value of msgpack
ok: a refusal is told
ok: the lock is free
ok: igbinary, inside of the session
ok: a refusal is told
ok: the lock is free
ok: igbinary, inside of another value
ok: a refusal is told
ok: the lock is free
ok: igbinary, inside of a value of msgpack
ok: a refusal is told
ok: the lock is free
ok: msgpack, inside of the session
ok: a refusal is told
ok: the lock is free
ok: msgpack, inside of another value
ok: a refusal is told
ok: the lock is free
ok: msgpack, inside of a value of msgpack
ok: a refusal is told
ok: the lock is free
