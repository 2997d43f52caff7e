--TEST--
an object that saves or moves the session while session_decode() makes it: what was stored stays whole
--INI--
rustredis.json_objects=serialize
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class Meddler
{
    public static ?Closure $does = null;
    public ?string $name = null;

    public function __serialize(): array
    {
        return ['name' => $this->name];
    }

    public function __unserialize(array $data): void
    {
        [$does, self::$does] = [self::$does, null];
        $does && $does();
        $this->name = $data['name'];
    }
}
foreach (['php', 'php_binary', 'php_serialize', 'json'] as $serializer) {
    ini_set('session.serialize_handler', $serializer);
    foreach ([10, 0] as $grace) {
        foreach (['session_write_close', 'session_regenerate_id'] as $how) {
            ini_set('rustredis.regenerate_grace', (string) $grace);
            start($id = new_id());
            $_SESSION = ['first' => 1, 'm' => new Meddler(), 'last' => 2];
            $_SESSION['m']->name = 'ada';
            session_write_close();
            $stored = redis()->get(data_key($id));
            start($id);
            $text = session_encode();
            $_SESSION['first'] = 3;
            Meddler::$does = fn () => $how();
            warnings_of(function () use ($text): void {
                try {
                    session_decode($text);
                } catch (Error | ErrorException) {
                }
            });
            session_status() === PHP_SESSION_ACTIVE && session_abort();
            $left = redis()->get(data_key($id));
            // The other two replace all values at once, and a save before stores those of then.
            $is_whole = $left === $stored || !str_starts_with($serializer, 'php') || $serializer === 'php_serialize';
            ok("$serializer, $how(), $grace s", $is_whole && !str_contains((string) $left, 'N;'), $left);
            same('the lock is free', false, is_locked($id));
        }
    }
}
--EXPECT--
ok: php, session_write_close(), 10 s
ok: the lock is free
ok: php, session_regenerate_id(), 10 s
ok: the lock is free
ok: php, session_write_close(), 0 s
ok: the lock is free
ok: php, session_regenerate_id(), 0 s
ok: the lock is free
ok: php_binary, session_write_close(), 10 s
ok: the lock is free
ok: php_binary, session_regenerate_id(), 10 s
ok: the lock is free
ok: php_binary, session_write_close(), 0 s
ok: the lock is free
ok: php_binary, session_regenerate_id(), 0 s
ok: the lock is free
ok: php_serialize, session_write_close(), 10 s
ok: the lock is free
ok: php_serialize, session_regenerate_id(), 10 s
ok: the lock is free
ok: php_serialize, session_write_close(), 0 s
ok: the lock is free
ok: php_serialize, session_regenerate_id(), 0 s
ok: the lock is free
ok: json, session_write_close(), 10 s
ok: the lock is free
ok: json, session_regenerate_id(), 10 s
ok: the lock is free
ok: json, session_write_close(), 0 s
ok: the lock is free
ok: json, session_regenerate_id(), 0 s
ok: the lock is free
