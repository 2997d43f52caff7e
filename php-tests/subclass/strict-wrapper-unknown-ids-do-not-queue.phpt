--TEST--
a handler class whose validateId() reads: an id that nobody has stored is not locked, and nobody waits for it
--INI--
session.use_strict_mode=1
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

final class Strict implements SessionHandlerInterface, SessionUpdateTimestampHandlerInterface
{
    public array $seen = [];
    public ?Closure $looked = null;

    public function __construct(private SessionHandler $inner, private bool $keeps)
    {
    }

    public function open(string $path, string $name): bool
    {
        return $this->inner->open($path, $name);
    }

    public function close(): bool
    {
        return $this->inner->close();
    }

    public function validateId(string $id): bool
    {
        $this->seen = ['' => $this->look($id)];
        ($this->looked)($id);
        return $this->seen[''] !== '';
    }

    private function look(string $id): string|false
    {
        return $this->inner->read($id);
    }

    public function read(string $id): string|false
    {
        return $this->keeps && $this->seen ? $this->seen[''] : $this->inner->read($id);
    }

    public function write(string $id, string $data): bool
    {
        return $this->inner->write($id, $data);
    }

    public function updateTimestamp(string $id, string $data): bool
    {
        return $this->inner->write($id, $data);
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

foreach ([true, false] as $keeps) {
    $how = $keeps ? 'keeps what it saw' : 'reads again';
    $handler = new Strict(new SessionHandler(), $keeps);
    session_set_save_handler($handler);
    $id = new_id();
    $locked = null;
    $handler->looked = function ($of) use (&$locked) {
        $locked = is_locked($of);
    };
    same("$how: an unknown id", true, start($id));
    same('is not locked', false, $locked);
    ok('and becomes another', session_id() !== $id);
    $_SESSION['n'] = 1;
    session_write_close();
    same('which is stored', 'n|i:1;', redis()->get(data_key(session_id())));
    same('without a lock', [false, false], [is_locked($id), is_locked(session_id())]);

    $id = session_id();
    same('one that is stored', true, start($id));
    same('is locked at once', [true, $id, ['n' => 1]], [$locked, session_id(), $_SESSION]);
    $_SESSION['n'] = 2;
    session_write_close();
    same('and written', 'n|i:2;', redis()->get(data_key($id)));
    same('and free', false, is_locked($id));
}
--EXPECT--
ok: keeps what it saw: an unknown id
ok: is not locked
ok: and becomes another
ok: which is stored
ok: without a lock
ok: one that is stored
ok: is locked at once
ok: and written
ok: and free
ok: reads again: an unknown id
ok: is not locked
ok: and becomes another
ok: which is stored
ok: without a lock
ok: one that is stored
ok: is locked at once
ok: and written
ok: and free
