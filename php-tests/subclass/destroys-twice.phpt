--TEST--
a class that destroys a session twice, or writes it before, in session_regenerate_id(): the session goes on under the new id, with what is known of it, and leaves one copy
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

trait Destroys
{
    public string $how = '';

    public function destroy(string $id): bool
    {
        return match ($this->how) {
            'twice' => $this->destroyed($id) && $this->destroyed($id),
            'after a write' => $this->written($id, 'note|i:1;') && $this->destroyed($id),
            'after two writes' => $this->written($id, 'note|i:1;') && $this->written($id, 'note|i:2;') && $this->destroyed($id),
            'after a write, twice' => $this->written($id, 'note|i:1;') && $this->destroyed($id) && $this->destroyed($id),
        };
    }
}

class Subclass extends SessionHandler
{
    use Destroys;

    private function destroyed(string $id): bool
    {
        return parent::destroy($id);
    }

    private function written(string $id, string $data): bool
    {
        return parent::write($id, $data);
    }
}

class Around implements SessionHandlerInterface
{
    use Destroys;

    private RustRedis\SessionHandler $inner;

    public function __construct()
    {
        $this->inner = new RustRedis\SessionHandler();
    }

    private function destroyed(string $id): bool
    {
        return $this->inner->destroy($id);
    }

    private function written(string $id, string $data): bool
    {
        return $this->inner->write($id, $data);
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

    public function gc(int $max): int|false
    {
        return $this->inner->gc($max);
    }
}

$created = (int) (microtime(true) * 1000) - 600_000;
$end = $created + 1_000_000;
foreach ([Subclass::class, Around::class] as $class) {
    foreach (['1', '0'] as $locking) {
        ini_set('rustredis.locking', $locking);
        foreach (['10', '0'] as $grace) {
            ini_set('rustredis.regenerate_grace', $grace);
            session_set_save_handler($handler = new $class(), false);
            foreach (['twice', 'after a write', 'after two writes', 'after a write, twice'] as $handler->how) {
                store_session($old = new_id(), ['n' => 1]);
                redis()->set(side_key($old, 'STATE'), "live|$created|||$end|$created|||", 'EX', 1000);
                start($old);
                $_SESSION['n'] = 2;
                $got = warnings_of(function () use (&$moved) {
                    $moved = session_regenerate_id(true);
                    session_write_close();
                });
                $new = session_id();
                $name = "$class, locking=$locking, regenerate_grace=$grace, $handler->how";
                same("$name: it moves", [true, [], 'n|i:2;'], [$moved, $got, redis()->get(data_key($new))]);
                $state = explode('|', (string) redis()->get(side_key($new, 'STATE')));
                same('with its age and its end', ["$created", "$end"], [$state[1], $state[4]]);
                $seen = [
                    'twice' => 'n|i:1;',
                    'after a write' => 'note|i:1;',
                    'after two writes' => 'note|i:2;',
                    'after a write, twice' => 'note|i:1;',
                ][$handler->how];
                $left = $grace === '10' ? [null, $seen] : [null, null];
                same('the old id has the copy', $left, [redis()->get(data_key($old)), redis()->get(side_key($old, 'OLD'))]);
                same('no lock is left', [false, false], [is_locked($old), is_locked($new)]);
                start($new);
                session_destroy();
                same('a logout ends it, and the copy', [null, null], [redis()->get(data_key($new)), redis()->get(side_key($old, 'OLD'))]);
            }
        }
    }
}
--EXPECT--
ok: Subclass, locking=1, regenerate_grace=10, twice: it moves
ok: with its age and its end
ok: the old id has the copy
ok: no lock is left
ok: a logout ends it, and the copy
ok: Subclass, locking=1, regenerate_grace=10, after a write: it moves
ok: with its age and its end
ok: the old id has the copy
ok: no lock is left
ok: a logout ends it, and the copy
ok: Subclass, locking=1, regenerate_grace=10, after two writes: it moves
ok: with its age and its end
ok: the old id has the copy
ok: no lock is left
ok: a logout ends it, and the copy
ok: Subclass, locking=1, regenerate_grace=10, after a write, twice: it moves
ok: with its age and its end
ok: the old id has the copy
ok: no lock is left
ok: a logout ends it, and the copy
ok: Subclass, locking=1, regenerate_grace=0, twice: it moves
ok: with its age and its end
ok: the old id has the copy
ok: no lock is left
ok: a logout ends it, and the copy
ok: Subclass, locking=1, regenerate_grace=0, after a write: it moves
ok: with its age and its end
ok: the old id has the copy
ok: no lock is left
ok: a logout ends it, and the copy
ok: Subclass, locking=1, regenerate_grace=0, after two writes: it moves
ok: with its age and its end
ok: the old id has the copy
ok: no lock is left
ok: a logout ends it, and the copy
ok: Subclass, locking=1, regenerate_grace=0, after a write, twice: it moves
ok: with its age and its end
ok: the old id has the copy
ok: no lock is left
ok: a logout ends it, and the copy
ok: Subclass, locking=0, regenerate_grace=10, twice: it moves
ok: with its age and its end
ok: the old id has the copy
ok: no lock is left
ok: a logout ends it, and the copy
ok: Subclass, locking=0, regenerate_grace=10, after a write: it moves
ok: with its age and its end
ok: the old id has the copy
ok: no lock is left
ok: a logout ends it, and the copy
ok: Subclass, locking=0, regenerate_grace=10, after two writes: it moves
ok: with its age and its end
ok: the old id has the copy
ok: no lock is left
ok: a logout ends it, and the copy
ok: Subclass, locking=0, regenerate_grace=10, after a write, twice: it moves
ok: with its age and its end
ok: the old id has the copy
ok: no lock is left
ok: a logout ends it, and the copy
ok: Subclass, locking=0, regenerate_grace=0, twice: it moves
ok: with its age and its end
ok: the old id has the copy
ok: no lock is left
ok: a logout ends it, and the copy
ok: Subclass, locking=0, regenerate_grace=0, after a write: it moves
ok: with its age and its end
ok: the old id has the copy
ok: no lock is left
ok: a logout ends it, and the copy
ok: Subclass, locking=0, regenerate_grace=0, after two writes: it moves
ok: with its age and its end
ok: the old id has the copy
ok: no lock is left
ok: a logout ends it, and the copy
ok: Subclass, locking=0, regenerate_grace=0, after a write, twice: it moves
ok: with its age and its end
ok: the old id has the copy
ok: no lock is left
ok: a logout ends it, and the copy
ok: Around, locking=1, regenerate_grace=10, twice: it moves
ok: with its age and its end
ok: the old id has the copy
ok: no lock is left
ok: a logout ends it, and the copy
ok: Around, locking=1, regenerate_grace=10, after a write: it moves
ok: with its age and its end
ok: the old id has the copy
ok: no lock is left
ok: a logout ends it, and the copy
ok: Around, locking=1, regenerate_grace=10, after two writes: it moves
ok: with its age and its end
ok: the old id has the copy
ok: no lock is left
ok: a logout ends it, and the copy
ok: Around, locking=1, regenerate_grace=10, after a write, twice: it moves
ok: with its age and its end
ok: the old id has the copy
ok: no lock is left
ok: a logout ends it, and the copy
ok: Around, locking=1, regenerate_grace=0, twice: it moves
ok: with its age and its end
ok: the old id has the copy
ok: no lock is left
ok: a logout ends it, and the copy
ok: Around, locking=1, regenerate_grace=0, after a write: it moves
ok: with its age and its end
ok: the old id has the copy
ok: no lock is left
ok: a logout ends it, and the copy
ok: Around, locking=1, regenerate_grace=0, after two writes: it moves
ok: with its age and its end
ok: the old id has the copy
ok: no lock is left
ok: a logout ends it, and the copy
ok: Around, locking=1, regenerate_grace=0, after a write, twice: it moves
ok: with its age and its end
ok: the old id has the copy
ok: no lock is left
ok: a logout ends it, and the copy
ok: Around, locking=0, regenerate_grace=10, twice: it moves
ok: with its age and its end
ok: the old id has the copy
ok: no lock is left
ok: a logout ends it, and the copy
ok: Around, locking=0, regenerate_grace=10, after a write: it moves
ok: with its age and its end
ok: the old id has the copy
ok: no lock is left
ok: a logout ends it, and the copy
ok: Around, locking=0, regenerate_grace=10, after two writes: it moves
ok: with its age and its end
ok: the old id has the copy
ok: no lock is left
ok: a logout ends it, and the copy
ok: Around, locking=0, regenerate_grace=10, after a write, twice: it moves
ok: with its age and its end
ok: the old id has the copy
ok: no lock is left
ok: a logout ends it, and the copy
ok: Around, locking=0, regenerate_grace=0, twice: it moves
ok: with its age and its end
ok: the old id has the copy
ok: no lock is left
ok: a logout ends it, and the copy
ok: Around, locking=0, regenerate_grace=0, after a write: it moves
ok: with its age and its end
ok: the old id has the copy
ok: no lock is left
ok: a logout ends it, and the copy
ok: Around, locking=0, regenerate_grace=0, after two writes: it moves
ok: with its age and its end
ok: the old id has the copy
ok: no lock is left
ok: a logout ends it, and the copy
ok: Around, locking=0, regenerate_grace=0, after a write, twice: it moves
ok: with its age and its end
ok: the old id has the copy
ok: no lock is left
ok: a logout ends it, and the copy