--TEST--
an exception while objects are encoded: what has been encoded so far is not written, with any serializer and at any end; the lock is free
--EXTENSIONS--
igbinary
msgpack
--INI--
rustredis.json_objects=serialize
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class Fails
{
    public static bool $now = false;

    public function __serialize(): array
    {
        return self::$now ? throw new LogicException('not now') : ['fails' => 1];
    }

    public function __unserialize(array $data): void
    {
    }
}

class Sleeps
{
    public static bool $now = false;
    public int $n = 1;

    public function __sleep(): array
    {
        return self::$now ? throw new LogicException('not now') : ['n'];
    }
}

foreach (['php', 'php_serialize', 'php_binary', 'igbinary', 'msgpack', 'json'] as $serializer) {
    ini_set('session.serialize_handler', $serializer);
    foreach ([Fails::class, Sleeps::class] as $class) {
        foreach (['1', '0'] as $lazy) {
            ini_set('session.lazy_write', $lazy);
            foreach (['session_write_close', 'session_regenerate_id'] as $end) {
                start($id = new_id());
                $_SESSION = ['before' => 1, 'object' => new $class(), 'after' => 2];
                session_write_close();
                $stored = redis()->get(data_key($id));
                start($id);
                $_SESSION['before'] = 2;
                $class::$now = true;
                $thrown = '';
                try {
                    @$end();
                } catch (LogicException $exception) {
                    $thrown = $exception->getMessage();
                }
                $class::$now = false;
                @session_abort();
                same("$serializer, $class, lazy_write=$lazy, $end", ['not now', $stored, false], [$thrown, redis()->get(data_key($id)), is_locked($id)]);
            }
        }
    }
    // At the end of a script.
    $id = new_id();
    redis()->set(data_key($id), $stored = session_of($serializer));
    $output = Child::run('ini_set("session.serialize_handler", $argv[2]);
        class Fails { function __serialize(): array { throw new LogicException("not now"); } }
        start($argv[1]); $_SESSION["n"] = 2; $_SESSION["object"] = new Fails(); $_SESSION["after"] = 3;', [$id, $serializer], ['rustredis.json_objects' => 'serialize'])->output();
    same("$serializer, at the end", [true, $stored, false], [str_contains($output, 'not now'), redis()->get(data_key($id)), is_locked($id)]);
}

function session_of(string $serializer): string
{
    start($id = new_id());
    $_SESSION = ['n' => 1];
    session_write_close();
    return redis()->get(data_key($id));
}
--EXPECT--
ok: php, Fails, lazy_write=1, session_write_close
ok: php, Fails, lazy_write=1, session_regenerate_id
ok: php, Fails, lazy_write=0, session_write_close
ok: php, Fails, lazy_write=0, session_regenerate_id
ok: php, Sleeps, lazy_write=1, session_write_close
ok: php, Sleeps, lazy_write=1, session_regenerate_id
ok: php, Sleeps, lazy_write=0, session_write_close
ok: php, Sleeps, lazy_write=0, session_regenerate_id
ok: php, at the end
ok: php_serialize, Fails, lazy_write=1, session_write_close
ok: php_serialize, Fails, lazy_write=1, session_regenerate_id
ok: php_serialize, Fails, lazy_write=0, session_write_close
ok: php_serialize, Fails, lazy_write=0, session_regenerate_id
ok: php_serialize, Sleeps, lazy_write=1, session_write_close
ok: php_serialize, Sleeps, lazy_write=1, session_regenerate_id
ok: php_serialize, Sleeps, lazy_write=0, session_write_close
ok: php_serialize, Sleeps, lazy_write=0, session_regenerate_id
ok: php_serialize, at the end
ok: php_binary, Fails, lazy_write=1, session_write_close
ok: php_binary, Fails, lazy_write=1, session_regenerate_id
ok: php_binary, Fails, lazy_write=0, session_write_close
ok: php_binary, Fails, lazy_write=0, session_regenerate_id
ok: php_binary, Sleeps, lazy_write=1, session_write_close
ok: php_binary, Sleeps, lazy_write=1, session_regenerate_id
ok: php_binary, Sleeps, lazy_write=0, session_write_close
ok: php_binary, Sleeps, lazy_write=0, session_regenerate_id
ok: php_binary, at the end
ok: igbinary, Fails, lazy_write=1, session_write_close
ok: igbinary, Fails, lazy_write=1, session_regenerate_id
ok: igbinary, Fails, lazy_write=0, session_write_close
ok: igbinary, Fails, lazy_write=0, session_regenerate_id
ok: igbinary, Sleeps, lazy_write=1, session_write_close
ok: igbinary, Sleeps, lazy_write=1, session_regenerate_id
ok: igbinary, Sleeps, lazy_write=0, session_write_close
ok: igbinary, Sleeps, lazy_write=0, session_regenerate_id
ok: igbinary, at the end
ok: msgpack, Fails, lazy_write=1, session_write_close
ok: msgpack, Fails, lazy_write=1, session_regenerate_id
ok: msgpack, Fails, lazy_write=0, session_write_close
ok: msgpack, Fails, lazy_write=0, session_regenerate_id
ok: msgpack, Sleeps, lazy_write=1, session_write_close
ok: msgpack, Sleeps, lazy_write=1, session_regenerate_id
ok: msgpack, Sleeps, lazy_write=0, session_write_close
ok: msgpack, Sleeps, lazy_write=0, session_regenerate_id
ok: msgpack, at the end
ok: json, Fails, lazy_write=1, session_write_close
ok: json, Fails, lazy_write=1, session_regenerate_id
ok: json, Fails, lazy_write=0, session_write_close
ok: json, Fails, lazy_write=0, session_regenerate_id
ok: json, Sleeps, lazy_write=1, session_write_close
ok: json, Sleeps, lazy_write=1, session_regenerate_id
ok: json, Sleeps, lazy_write=0, session_write_close
ok: json, Sleeps, lazy_write=0, session_regenerate_id
ok: json, at the end
