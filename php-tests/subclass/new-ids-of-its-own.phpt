--TEST--
a class whose create_sid() gives the id that the session has, or reads an id to see if it is free: the session goes on
--FILE--
<?php
require __DIR__ . '/../user/user.inc';

/** Makes a new id in one of two ways. */
trait Makes
{
    public ?string $always = null;

    public function create_sid(): string
    {
        if ($this->always !== null) {
            return $this->always;
        }
        do {
            $id = new_id();
        } while ($this->read($id) !== '');
        return $id;
    }
}
class Inherits extends SessionHandler
{
    use Makes;
}
class Wraps implements SessionHandlerInterface, SessionIdInterface, SessionUpdateTimestampHandlerInterface
{
    use Makes;

    private RustRedis\SessionHandler $inner;

    public function __construct()
    {
        $this->inner = new RustRedis\SessionHandler();
    }

    public function open(string $path, string $name): bool
    {
        return $this->inner->open($path, $name);
    }

    public function close(): bool
    {
        return $this->inner->close();
    }

    public function read(string $id): string|false
    {
        return $this->inner->read($id);
    }

    public function write(string $id, string $data): bool
    {
        return $this->inner->write($id, $data);
    }

    public function destroy(string $id): bool
    {
        return $this->inner->destroy($id);
    }

    public function gc(int $max_lifetime): int|false
    {
        return $this->inner->gc($max_lifetime);
    }

    public function validateId(string $id): bool
    {
        return $this->inner->validateId($id);
    }

    public function updateTimestamp(string $id, string $data): bool
    {
        return $this->inner->updateTimestamp($id, $data);
    }
}

foreach (['Inherits', 'Wraps'] as $class) {
    foreach (['0', '1'] as $strict) {
        ini_set('session.use_strict_mode', $strict);
        foreach ([true, false] as $delete) {
            foreach (['10', '0'] as $grace) {
                ini_set('rustredis.regenerate_grace', $grace);
                // An object keeps the settings of the moment when it was made.
                session_set_save_handler($handler = new $class());
                $name = "$class, strict=$strict, " . json_encode($delete) . ", grace=$grace";
                $handler->always = $id = new_id();
                store_session($id, ['n' => 1]);
                start($id);
                $user = $class === 'Inherits' && rustredis_user(new_user());
                same("$name: the same id", [true, $id], [session_regenerate_id($delete), session_id()]);
                $_SESSION['n']++;
                session_write_close();
                same('it is stored', ['n|i:2;', $user, false], [redis()->get(data_key($id)), (state($id)['user'] ?? '') !== '', is_locked($id)]);
                start($id);
                same('it goes on', ['n' => 2], $_SESSION);
                session_destroy();
                same('a logout ends it', [false, 0], [lives($id), redis()->exists(side_key($id, 'OLD'))]);

                $handler->always = null;
                store_session($old = new_id(), ['n' => 1]);
                start($old);
                $user = $class === 'Inherits' && rustredis_user(new_user());
                same("$name: a free id", true, session_regenerate_id($delete));
                $new = session_id();
                same('one lock', [true, 1], [is_locked($new), count(rustredis_status()['locks'])]);
                session_write_close();
                same('it keeps its user', $user, (state($new)['user'] ?? '') !== '');
                start($new);
                session_destroy();
                // PHP's own way, without a copy, leaves the old session.
                same('a logout ends both', [false, $grace === '0' && !$delete, 0], [lives($new), lives($old), redis()->exists(side_key($old, 'OLD'))]);
            }
        }
    }
}
--EXPECT--
ok: Inherits, strict=0, true, grace=10: the same id
ok: it is stored
ok: it goes on
ok: a logout ends it
ok: Inherits, strict=0, true, grace=10: a free id
ok: one lock
ok: it keeps its user
ok: a logout ends both
ok: Inherits, strict=0, true, grace=0: the same id
ok: it is stored
ok: it goes on
ok: a logout ends it
ok: Inherits, strict=0, true, grace=0: a free id
ok: one lock
ok: it keeps its user
ok: a logout ends both
ok: Inherits, strict=0, false, grace=10: the same id
ok: it is stored
ok: it goes on
ok: a logout ends it
ok: Inherits, strict=0, false, grace=10: a free id
ok: one lock
ok: it keeps its user
ok: a logout ends both
ok: Inherits, strict=0, false, grace=0: the same id
ok: it is stored
ok: it goes on
ok: a logout ends it
ok: Inherits, strict=0, false, grace=0: a free id
ok: one lock
ok: it keeps its user
ok: a logout ends both
ok: Inherits, strict=1, true, grace=10: the same id
ok: it is stored
ok: it goes on
ok: a logout ends it
ok: Inherits, strict=1, true, grace=10: a free id
ok: one lock
ok: it keeps its user
ok: a logout ends both
ok: Inherits, strict=1, true, grace=0: the same id
ok: it is stored
ok: it goes on
ok: a logout ends it
ok: Inherits, strict=1, true, grace=0: a free id
ok: one lock
ok: it keeps its user
ok: a logout ends both
ok: Inherits, strict=1, false, grace=10: the same id
ok: it is stored
ok: it goes on
ok: a logout ends it
ok: Inherits, strict=1, false, grace=10: a free id
ok: one lock
ok: it keeps its user
ok: a logout ends both
ok: Inherits, strict=1, false, grace=0: the same id
ok: it is stored
ok: it goes on
ok: a logout ends it
ok: Inherits, strict=1, false, grace=0: a free id
ok: one lock
ok: it keeps its user
ok: a logout ends both
ok: Wraps, strict=0, true, grace=10: the same id
ok: it is stored
ok: it goes on
ok: a logout ends it
ok: Wraps, strict=0, true, grace=10: a free id
ok: one lock
ok: it keeps its user
ok: a logout ends both
ok: Wraps, strict=0, true, grace=0: the same id
ok: it is stored
ok: it goes on
ok: a logout ends it
ok: Wraps, strict=0, true, grace=0: a free id
ok: one lock
ok: it keeps its user
ok: a logout ends both
ok: Wraps, strict=0, false, grace=10: the same id
ok: it is stored
ok: it goes on
ok: a logout ends it
ok: Wraps, strict=0, false, grace=10: a free id
ok: one lock
ok: it keeps its user
ok: a logout ends both
ok: Wraps, strict=0, false, grace=0: the same id
ok: it is stored
ok: it goes on
ok: a logout ends it
ok: Wraps, strict=0, false, grace=0: a free id
ok: one lock
ok: it keeps its user
ok: a logout ends both
ok: Wraps, strict=1, true, grace=10: the same id
ok: it is stored
ok: it goes on
ok: a logout ends it
ok: Wraps, strict=1, true, grace=10: a free id
ok: one lock
ok: it keeps its user
ok: a logout ends both
ok: Wraps, strict=1, true, grace=0: the same id
ok: it is stored
ok: it goes on
ok: a logout ends it
ok: Wraps, strict=1, true, grace=0: a free id
ok: one lock
ok: it keeps its user
ok: a logout ends both
ok: Wraps, strict=1, false, grace=10: the same id
ok: it is stored
ok: it goes on
ok: a logout ends it
ok: Wraps, strict=1, false, grace=10: a free id
ok: one lock
ok: it keeps its user
ok: a logout ends both
ok: Wraps, strict=1, false, grace=0: the same id
ok: it is stored
ok: it goes on
ok: a logout ends it
ok: Wraps, strict=1, false, grace=0: a free id
ok: one lock
ok: it keeps its user
ok: a logout ends both
