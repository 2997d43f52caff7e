--TEST--
RustRedis\SessionHandler behind a class whose validateId() reads: an id that nobody has stored is not locked, and nobody waits for it
--INI--
session.use_strict_mode=1
--FILE--
<?php
require __DIR__ . '/class.inc';

class Strict implements SessionHandlerInterface, SessionUpdateTimestampHandlerInterface
{
    public array $seen = [];
    public ?Closure $looked = null;
    public bool $takes_all = false;

    public function __construct(private RustRedis\SessionHandler $inner, private bool $opens, private bool $keeps, private string $prefix)
    {
    }

    public function open(string $path, string $name): bool
    {
        return !$this->opens || $this->inner->open($path, $name);
    }

    public function close(): bool
    {
        return $this->inner->close();
    }

    public function validateId(string $id): bool
    {
        $this->seen = ['' => $this->inner->read($this->prefix . $id)];
        $this->looked && ($this->looked)($this->prefix . $id);
        return $this->takes_all || $this->seen[''] !== '';
    }

    public function read(string $id): string|false
    {
        [$seen, $this->seen] = [$this->seen, []];
        return $this->keeps && $seen ? $seen[''] : $this->inner->read($this->prefix . $id);
    }

    public function write(string $id, string $data): bool
    {
        return $this->inner->write($this->prefix . $id, $data);
    }

    public function updateTimestamp(string $id, string $data): bool
    {
        return $this->inner->updateTimestamp($this->prefix . $id, $data);
    }

    public function destroy(string $id): bool
    {
        return $this->inner->destroy($this->prefix . $id);
    }

    public function gc(int $max): int|false
    {
        return 0;
    }
}

$other = new RustRedis\SessionHandler();
foreach ([[true, true, ''], [true, false, ''], [false, true, ''], [false, false, ''], [true, true, 'of-'], [false, true, 'of-']] as [$opens, $keeps, $prefix]) {
    $how = ($opens ? 'passes open() on, ' : 'does not, ') . ($keeps ? 'keeps what it saw' : 'reads again') . ($prefix ? ', with ids of its own' : '');
    $handler = new Strict(new RustRedis\SessionHandler(), $opens, $keeps, $prefix);
    session_set_save_handler($handler);
    $stored = fn () => [redis()->get(data_key($prefix . session_id())), is_locked($prefix . session_id())];
    $locked = null;
    $handler->looked = function (string $of) use (&$locked) {
        $locked = [is_locked($of), locks()];
    };
    start($id = new_id());
    same("$how: an unknown id is not locked", [false, 0], $locked);
    same('but the one in its place, if it is read', [true, !$keeps, $keeps ? 0 : 1], [session_id() !== $id, $stored()[1], locks()]);
    $_SESSION['n'] = 1;
    same('which is stored', [true, ['n|i:1;', false]], [session_write_close(), $stored()]);

    start(session_id());
    same('one that is stored is locked at once', [[true, 1], ['n|i:1;', true]], [$locked, $stored()]);
    $_SESSION['n'] = 2;
    same('and written', [true, ['n|i:2;', false]], [session_write_close(), $stored()]);
    start(session_id());
    session_reset();
    same('it stays locked over a reset', [[true, 1], ['n|i:2;', true]], [$locked, $stored()]);
    session_regenerate_id();
    same('a new id is locked', [[true, 1], [null, true]], [$locked, $stored()]);
    same('and stored', [true, ['n|i:2;', false]], [session_write_close(), $stored()]);

    $handler->takes_all = true;
    $handler->looked = null;
    start($id = new_id());
    $_SESSION['n'] = 3;
    same('a class that takes an unknown id stores it', [$id, true, ['n|i:3;', false]], [session_id(), session_write_close(), $stored()]);
    $handler->looked = fn (string $of) => $other->write($of, 'theirs|i:1;');
    start($id = new_id());
    $_SESSION['n'] = 4;
    $keeps && same('but not over what others have begun', 'LockLostException', thrown('session_write_close'));
    $keeps || session_abort();
    same('which stays', ['theirs|i:1;', false], $stored());
    same('no other lock is left', 0, locks());
}
--EXPECTREGEX--
(ok: [^\n]*\n?){70}
