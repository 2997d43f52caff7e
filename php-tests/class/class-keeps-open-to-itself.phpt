--TEST--
a class around RustRedis\SessionHandler that passes open() on never, or once, keeps all protections of PHP's session
--INI--
session.use_strict_mode=1
--FILE--
<?php
require __DIR__ . '/class.inc';

class Wrapper implements SessionHandlerInterface
{
    public bool $fails = false;

    public function __construct(protected RustRedis\SessionHandler $inner = new RustRedis\SessionHandler())
    {
    }

    public function open(string $path, string $name): bool
    {
        return true;
    }

    public function close(): bool
    {
        return true;
    }

    public function read(string $id): string|false
    {
        return $this->inner->read($id);
    }

    public function write(string $id, string $data): bool
    {
        return $this->fails ? throw new DomainException('write') : $this->inner->write($id, $data);
    }

    public function destroy(string $id): bool
    {
        return $this->inner->destroy($id);
    }

    public function gc(int $max): int|false
    {
        return 0;
    }
}

/** Calls open() for the first session alone. */
class Once extends Wrapper
{
    private bool $is_open = false;

    public function open(string $path, string $name): bool
    {
        return $this->is_open || $this->is_open = $this->inner->open($path, $name);
    }

    public function close(): bool
    {
        return $this->inner->close();
    }
}

/** As Symfony's classes do: validateId() reads, and read() returns what it has seen. */
class Strict extends Wrapper implements SessionUpdateTimestampHandlerInterface
{
    private array $seen = [];

    public function validateId(string $id): bool
    {
        return ($this->seen[$id] = $this->inner->read($id)) !== '';
    }

    public function read(string $id): string|false
    {
        [$seen, $this->seen] = [$this->seen, []];
        return $seen[$id] ?? $this->inner->read($id);
    }

    public function updateTimestamp(string $id, string $data): bool
    {
        return $this->inner->updateTimestamp($id, $data);
    }
}

/** Has its own ids of the object, and therefore passes open() on. It looks at another session as well. */
class OtherIds extends Wrapper implements SessionIdInterface
{
    public function open(string $path, string $name): bool
    {
        return $this->inner->open($path, $name);
    }

    public function create_sid(): string
    {
        return $this->inner->create_sid();
    }

    public function read(string $id): string|false
    {
        $this->inner->peek('other');
        return $this->inner->read("of-$id");
    }

    public function write(string $id, string $data): bool
    {
        return parent::write("of-$id", $data);
    }

    public function destroy(string $id): bool
    {
        return $this->inner->destroy("of-$id");
    }
}

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
        self::$then && (self::$then)();
        $this->n = $data['n'];
    }
}

const STORED = 'a|i:1;v|O:5:"Value":1:{s:1:"n";i:5;}z|i:2;';
ini_set('error_log', temp_file('', '.log'));
$classes = ['never' => new Wrapper(), 'once' => new Once(), 'strict' => new Strict(), 'other ids' => new OtherIds()];
foreach ($classes as $name => $class) {
    $of = fn (string $id) => $name === 'other ids' ? "of-$id" : $id;
    $stored = fn (string $id) => [redis()->get(data_key($of($id))), is_locked($of($id))];
    $begin = function (string $text = STORED) use ($of): string {
        redis()->set(data_key($of($id = new_id())), $text, 'EX', 100);
        $_SESSION = [];
        session_id($id);
        return $id;
    };
    session_set_save_handler($class);
    foreach ([1, 2, 3] as $nth) {
        $id = $begin("n|i:$nth;");
        session_start();
        $_SESSION['n'] += 10;
        same("$name: session $nth", [true, ["n|i:1$nth;", false]], [session_write_close(), $stored($id)]);
    }

    $id = $begin();
    Value::$then = fn () => throw new DomainException('a database is down');
    same('an exception while it is decoded', 'DomainException', thrown('session_start'));
    Value::$then = null;
    $_SESSION['n'] = 1;
    same('what is stored stays', ['SessionException', [STORED, false]], [thrown('session_write_close'), $stored($id)]);
    session_status() === PHP_SESSION_ACTIVE && session_abort();

    $id = $begin();
    $saved = null;
    Value::$then = function () use (&$saved) {
        $saved = thrown('session_write_close');
    };
    thrown(fn () => @session_start());
    Value::$then = null;
    same('a save while it is decoded', ['SessionException', STORED], [$saved, $stored($id)[0]]);
    session_status() === PHP_SESSION_ACTIVE && session_abort();

    $id = $begin($broken = 'a|i:1;b|x:' . new_id());
    @session_start();
    session_status() === PHP_SESSION_ACTIVE && session_abort();
    $aside = array_filter(redis()->keys(PREFIX . 'ASIDE:*'), fn ($key) => redis()->get($key) === $broken);
    same('what PHP cannot decode is kept aside', [1, [null, false]], [count($aside), $stored($id)]);

    $id = $begin();
    session_start();
    $_SESSION['more'] = 1;
    same('a new id', true, session_regenerate_id(true));
    $new = session_id();
    session_write_close();
    same('is stored', [[null, false], [STORED . "more|i:1;", false]], [$stored($id), $stored($new)]);
    same('late requests see what was there before', STORED, (new RustRedis\SessionHandler())->read($of($id)));

    $id = $begin();
    session_start();
    $_SESSION['v'] = fn () => 1;
    ok('one that cannot be stored does not move', thrown(fn () => @session_regenerate_id(true)) !== '');
    same('and stays', [STORED, false], $stored($id));
    session_status() === PHP_SESSION_ACTIVE && session_abort();
    $_SESSION = [];

    $id = $begin();
    session_start();
    $_SESSION['n'] = 1;
    $class->fails = true;
    same('an exception of the class', 'DomainException', thrown('session_write_close'));
    $class->fails = false;
    same('leaves no lock', [STORED, false], $stored($id));

    $id = $begin('n|i:1;');
    session_start();
    $_SESSION['n'] = 2;
    same('a reset', [true, 1], [session_reset(), $_SESSION['n']]);
    $_SESSION['n'] = 3;
    same('is saved', [true, ['n|i:3;', false]], [session_write_close(), $stored($id)]);
}
--EXPECTREGEX--
(ok: [^\n]*\n?){64}
