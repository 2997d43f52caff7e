--TEST--
a session that is not decoded yet survives a read of another one, and a new id
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class Handler extends SessionHandler
{
}

class Moves
{
    public function __destruct()
    {
        if (session_status() === PHP_SESSION_ACTIVE) {
            session_regenerate_id(true);
        }
    }
}

class Reads
{
    public static bool $reads = false;

    public function __wakeup(): void
    {
        if (self::$reads) {
            self::$reads = false;
            $GLOBALS['handler']->read(new_id());
            session_write_close();
        }
    }
}

$id = new_id();
store_session($id, ['user' => 7]);
$_SESSION = ['old' => new Moves];
warnings_of(function () use ($id): void {
    start($id);
    session_write_close();
});
same('a new id before the read', 'user|i:7;', redis()->get(data_key($id)));

session_set_save_handler($handler = new Handler);
foreach (['php', 'php_serialize'] as $serializer) {
    ini_set('session.serialize_handler', $serializer);
    $id = new_id();
    $_SESSION = [];
    start($id);
    $_SESSION = ['reads' => new Reads, 'user' => 7];
    session_write_close();
    $text = redis()->get(data_key($id));
    Reads::$reads = true;
    warnings_of(fn () => start($id));
    same("$serializer: another read inside of the decoding", $text, redis()->get(data_key($id)));
    session_abort();
}
--EXPECT--
ok: a new id before the read
ok: php: another read inside of the decoding
ok: php_serialize: another read inside of the decoding
