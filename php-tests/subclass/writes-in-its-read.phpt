--TEST--
a subclass that stores anew what it reads, in its read(), also of read_and_close, in a validateId() that reads, and in its gc(): written without a word
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class Rotates extends SessionHandler
{
    public ?bool $written = null;
    public bool $locks = true;
    public ?Closure $meanwhile = null;

    public function read(string $id): string|false
    {
        $data = parent::read($id);
        if ($data !== false && str_starts_with($data, 'OLD')) {
            $data = substr($data, 3);
            $this->meanwhile && ($this->meanwhile)($id);
            $this->written = parent::write($id, "NEW$data");
            same('it has its lock', $this->locks, is_locked($id));
        } elseif ($data !== false && str_starts_with($data, 'NEW')) {
            $data = substr($data, 3);
        }
        return $data;
    }

    public function write(string $id, string $data): bool
    {
        return parent::write($id, "NEW$data");
    }
}
$handler = new Rotates();
session_set_save_handler($handler);
$id = new_id();
redis()->set(data_key($id), 'OLDn|i:1;');
$got = warnings_of(fn () => start($id));
same('it is written', [true, ['n' => 1], 'NEWn|i:1;'], [$handler->written, $_SESSION, redis()->get(data_key($id))]);
check_warnings('nothing is said', $got, []);
$_SESSION['n']++;
session_write_close();
same('it goes on', ['NEWn|i:2;', false], [redis()->get(data_key($id)), is_locked($id)]);

// read_and_close holds no lock: the class' write takes it, and gives it back at once.
$handler->locks = false;
foreach (['1', '0'] as $locking) {
    ini_set('rustredis.locking', $locking);
    $id = new_id();
    redis()->set(data_key($id), 'OLDn|i:1;');
    $handler->written = null;
    $got = warnings_of(fn () => start($id, ['read_and_close' => true]));
    same("read_and_close, locking $locking", [true, ['n' => 1], 'NEWn|i:1;', false],
        [$handler->written, $_SESSION, redis()->get(data_key($id)), is_locked($id)]);
    check_warnings('nothing is said', $got, []);
}
ini_set('rustredis.locking', '1');
$handler->meanwhile = fn ($id) => redis()->set(data_key($id), 'NEWn|i:2;');
$id = new_id();
redis()->set(data_key($id), 'OLDn|i:1;');
$got = warnings_of(fn () => start($id, ['read_and_close' => true]));
same('nothing is written over what came in', [false, 'NEWn|i:2;'], [$handler->written, redis()->get(data_key($id))]);
ok('that is told', (bool) preg_grep('/another request changed it/', $got), $got);

class Validates extends Rotates implements SessionUpdateTimestampHandlerInterface
{
    public function validateId(string $id): bool
    {
        return $this->read($id) !== '';
    }

    public function updateTimestamp(string $id, string $data): bool
    {
        return parent::write($id, "NEW$data");
    }

    public function gc(int $max_lifetime): int|false
    {
        parent::write($this->log, 'n|i:1;');
        return 0;
    }

    public string $log;
}
$handler = new Validates();
$handler->log = new_id();
ini_set('session.use_strict_mode', '1');
ini_set('session.gc_probability', '1');
ini_set('session.gc_divisor', '1');
session_set_save_handler($handler);
$id = new_id();
redis()->set(data_key($id), 'OLDn|i:1;');
$got = warnings_of(fn () => start($id));
same('validateId() may write as well', [true, ['n' => 1], $id], [$handler->written, $_SESSION, session_id()]);
same('so may gc()', 'NEWn|i:1;', redis()->get(data_key($handler->log)));
check_warnings('nothing is said of them', $got, []);
$_SESSION['n']++;
session_write_close();
same('nothing is lost', ['NEWn|i:2;', false], [redis()->get(data_key($id)), is_locked($id)]);
--EXPECT--
ok: it has its lock
ok: it is written
ok: nothing is said
ok: it goes on
ok: it has its lock
ok: read_and_close, locking 1
ok: nothing is said
ok: it has its lock
ok: read_and_close, locking 0
ok: nothing is said
ok: it has its lock
ok: nothing is written over what came in
ok: that is told
ok: it has its lock
ok: validateId() may write as well
ok: so may gc()
ok: nothing is said of them
ok: nothing is lost
