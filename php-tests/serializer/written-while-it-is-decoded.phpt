--TEST--
PHP code that runs while a session is decoded, and closes it: what there is of the session so far is not written over it
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class Closes
{
    public static ?Closure $how = null;
    public function __serialize(): array
    {
        return [];
    }
    public function __unserialize(array $data): void
    {
        self::$how && (self::$how)();
    }
}

$serializers = array_filter(['php', 'php_serialize', 'php_binary', 'json', 'igbinary', 'msgpack'],
    fn ($name) => !in_array($name, ['igbinary', 'msgpack'], true) || extension_loaded($name));
$ways = [
    'session_write_close()' => fn () => session_write_close(),
    'after an addition' => function () { $_SESSION['error'] = 'oops'; session_write_close(); },
    'another session' => function () { session_write_close(); start(new_id()); session_abort(); },
    'session_regenerate_id()' => fn () => @session_regenerate_id(),
];
$failed = 0;
foreach ($serializers as $serializer) {
    foreach ($ways as $way => $how) {
        foreach ([1, 0] as $lazy) {
            ini_set('session.serialize_handler', $serializer);
            ini_set('session.lazy_write', $lazy);
            ini_set('rustredis.json_objects', 'serialize');
            start($id = new_id());
            $_SESSION = ['login' => 'ada', 'object' => new Closes(), 'last' => 1];
            session_write_close();
            $stored = redis()->get(data_key($id));
            Closes::$how = $how;
            $got = warnings_of(fn () => start($id));
            Closes::$how = null;
            @session_abort();
            // A session that goes on under a new id leaves a copy.
            $now = [redis()->get(data_key($id)) ?? redis()->get(side_key($id, 'OLD')), is_locked($id)];
            // msgpack makes no objects by __unserialize; php has all of it there, but for what is added.
            $said = $serializer === 'msgpack' || $way !== 'after an addition' || str_contains(implode($got), 'still being decoded');
            if ($now !== [$stored, false] || !$said) {
                $failed++;
                same("$serializer, $way, lazy_write=$lazy", [$stored, false], $now);
            }
        }
    }
}
same('all of them', 0, $failed);

// A handler of messages that closes the session where it is whole: behind the decoding, though still in session_start().
ini_set('session.serialize_handler', 'php');
$id = new_id();
store_session($id, ['login' => 'ada']);
$got = Child::run('
    echo "output";
    ob_end_flush();
    set_error_handler(function ($level, $message) { session_write_close(); fwrite(STDOUT, "message"); return true; });
    session_start();
    restore_error_handler();
    session_start();
    set_error_handler(function () { $_SESSION["n"] = 1; session_write_close(); return true; });
    session_start();
    echo "end";', [], ['session.use_cookies' => 1, 'session.cache_limiter' => 'nocache'])->output();
ok('it is as before', str_ends_with($got, 'end') && !str_contains($got, 'decoded'), $got);
--EXPECT--
ok: all of them
ok: it is as before
