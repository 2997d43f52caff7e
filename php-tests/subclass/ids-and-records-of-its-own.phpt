--TEST--
a class that gives its parent ids of its own, and stores a first record as it reads a new one: its session is PHP's
--INI--
error_log=/dev/null
--FILE--
<?php
require __DIR__ . '/../user/user.inc';

/** The session of an id has the name of the application before it. */
trait Renames
{
    public string $before;

    public function read(string $id): string|false
    {
        $data = $this->parents('read', $id);
        if ($data === '') {
            $this->parents('write', $id, '');
        }
        return $data;
    }

    public function write(string $id, string $data): bool
    {
        return $this->parents('write', $id, $data);
    }

    public function destroy(string $id): bool
    {
        return $this->parents('destroy', $id);
    }
}
class Inherits extends SessionHandler
{
    use Renames;

    private function parents(string $what, string $id, string ...$data): mixed
    {
        return match ($what) {
            'read' => parent::read($this->before . $id),
            'write' => parent::write($this->before . $id, ...$data),
            'destroy' => parent::destroy($this->before . $id),
        };
    }
}
class Wraps implements SessionHandlerInterface
{
    use Renames;

    private RustRedis\SessionHandler $inner;

    public function __construct()
    {
        $this->inner = new RustRedis\SessionHandler();
    }

    private function parents(string $what, string $id, string ...$data): mixed
    {
        return $this->inner->$what($this->before . $id, ...$data);
    }

    public function open(string $path, string $name): bool
    {
        return $this->inner->open($path, $name);
    }

    public function close(): bool
    {
        return $this->inner->close();
    }

    public function gc(int $max_lifetime): int|false
    {
        return $this->inner->gc($max_lifetime);
    }
}
/** Its code needs a database, which may be down. */
class Needs
{
    public static bool $is_down = false;
    public int $n = 5;

    public function __serialize(): array
    {
        return [$this->n];
    }

    public function __unserialize(array $data): void
    {
        if (self::$is_down) {
            throw new LogicException('the database is down');
        }
        $this->n = $data[0];
    }
}
$said_by = function (callable $what) {
    $thrown = [];
    $got = warnings_of(function () use ($what, &$thrown) {
        try {
            $what();
        } catch (Exception $exception) {
            $thrown[] = $exception->getMessage();
        }
    });
    return [...$got, ...$thrown];
};

ini_set('rustredis.absolute_timeout', '1000');
foreach (['Inherits', 'Wraps'] as $class) {
    foreach (['', 'app-'] as $before) {
        session_set_save_handler($handler = new $class());
        $handler->before = $before;
        foreach ([true, false] as $delete) {
            $name = "$class, '$before', " . json_encode($delete);
            $old = new_id();
            start($old);
            $_SESSION['n'] = 1;
            $user = $class === 'Inherits' && rustredis_user(new_user());
            session_write_close();
            start($old);
            same("$name: moved", true, session_regenerate_id($delete));
            $new = session_id();
            $_SESSION['n'] = 2;
            same("$name: the new session has its lock", [false, true], [is_locked($before . $old), is_locked($before . $new)]);
            session_write_close();
            same("$name: both are stored", ['n|i:1;', 'n|i:2;', false], [redis()->get(side_key($before . $old, 'OLD')), redis()->get(data_key($before . $new)), is_locked($before . $new)]);
            same("$name: with the copy and the user", [$before . $old, $user], [substr(strrchr(state($before . $new)['copy'], ':'), 1), state($before . $new)['user'] !== '']);
            start($new);
            session_destroy();
            same("$name: a logout ends both", [false, 0], [lives($before . $new), redis()->exists(side_key($before . $old, 'OLD'))]);
        }

        $id = new_id();
        start($id);
        $_SESSION['needs'] = new Needs();
        session_write_close();
        $stored = redis()->get(data_key($before . $id));
        Needs::$is_down = true;
        $said_by(fn () => start($id));
        Needs::$is_down = false;
        $said_by(fn () => session_write_close());
        same("$class, '$before': half a session is not stored", $stored, redis()->get(data_key($before . $id)));
        redis()->set(data_key($before . $id), 'n|O:3:"x');
        $said_by(fn () => start($id));
        session_status() === PHP_SESSION_ACTIVE && session_abort();
        same("$class, '$before': what cannot be decoded has not ended as by a logout", false, reason_of($before . $id) === 'logout');
        same("$class, '$before': no lock is left", [false, []], [is_locked($before . $id), rustredis_status()['locks']]);
    }
}
--EXPECT--
ok: Inherits, '', true: moved
ok: Inherits, '', true: the new session has its lock
ok: Inherits, '', true: both are stored
ok: Inherits, '', true: with the copy and the user
ok: Inherits, '', true: a logout ends both
ok: Inherits, '', false: moved
ok: Inherits, '', false: the new session has its lock
ok: Inherits, '', false: both are stored
ok: Inherits, '', false: with the copy and the user
ok: Inherits, '', false: a logout ends both
ok: Inherits, '': half a session is not stored
ok: Inherits, '': what cannot be decoded has not ended as by a logout
ok: Inherits, '': no lock is left
ok: Inherits, 'app-', true: moved
ok: Inherits, 'app-', true: the new session has its lock
ok: Inherits, 'app-', true: both are stored
ok: Inherits, 'app-', true: with the copy and the user
ok: Inherits, 'app-', true: a logout ends both
ok: Inherits, 'app-', false: moved
ok: Inherits, 'app-', false: the new session has its lock
ok: Inherits, 'app-', false: both are stored
ok: Inherits, 'app-', false: with the copy and the user
ok: Inherits, 'app-', false: a logout ends both
ok: Inherits, 'app-': half a session is not stored
ok: Inherits, 'app-': what cannot be decoded has not ended as by a logout
ok: Inherits, 'app-': no lock is left
ok: Wraps, '', true: moved
ok: Wraps, '', true: the new session has its lock
ok: Wraps, '', true: both are stored
ok: Wraps, '', true: with the copy and the user
ok: Wraps, '', true: a logout ends both
ok: Wraps, '', false: moved
ok: Wraps, '', false: the new session has its lock
ok: Wraps, '', false: both are stored
ok: Wraps, '', false: with the copy and the user
ok: Wraps, '', false: a logout ends both
ok: Wraps, '': half a session is not stored
ok: Wraps, '': what cannot be decoded has not ended as by a logout
ok: Wraps, '': no lock is left
ok: Wraps, 'app-', true: moved
ok: Wraps, 'app-', true: the new session has its lock
ok: Wraps, 'app-', true: both are stored
ok: Wraps, 'app-', true: with the copy and the user
ok: Wraps, 'app-', true: a logout ends both
ok: Wraps, 'app-', false: moved
ok: Wraps, 'app-', false: the new session has its lock
ok: Wraps, 'app-', false: both are stored
ok: Wraps, 'app-', false: with the copy and the user
ok: Wraps, 'app-', false: a logout ends both
ok: Wraps, 'app-': half a session is not stored
ok: Wraps, 'app-': what cannot be decoded has not ended as by a logout
ok: Wraps, 'app-': no lock is left
