--TEST--
a class that writes changes only: session_regenerate_id(false) takes no session to another id that was ended from elsewhere
--FILE--
<?php
require __DIR__ . '/../user/user.inc';

/** Drupal's class does not pass on a value that is as it was read. */
class Compares extends SessionHandler
{
    private array $read = [];

    public function read(string $id): string|false
    {
        return $this->read[$id] = parent::read($id);
    }

    public function write(string $id, string $data): bool
    {
        return ($this->read[$id] ?? null) === $data || parent::write($id, $data);
    }
}

session_set_save_handler(new Compares());
$logout = fn (string $id) => Child::run('(new RustRedis\SessionHandler())->destroy($argv[1]);', [$id])->output();
foreach (['1', '0'] as $locking) {
    ini_set('rustredis.locking', $locking);
    foreach ([true, false] as $changes) {
        $case = "locking $locking" . ($changes ? ', changed after that' : '');
        start($old = new_id());
        $_SESSION['user'] = 'ada';
        session_write_close();
        start($old);
        $logout($old);
        $got = warnings_of(function () use ($changes) {
            session_regenerate_id(false);
            if ($changes) {
                $_SESSION['n'] = 2;
            }
            session_write_close();
        });
        ok("$case: told", $got !== []);
        same($case, [false, false], [lives($old), session_id() !== $old && lives(session_id())]);
    }
    start($old = new_id());
    $_SESSION['user'] = 'ada';
    session_write_close();
    start($old);
    session_regenerate_id(false);
    $_SESSION['n'] = 2;
    session_write_close();
    same("locking $locking, nothing in between: it goes on", [true, true], [session_id() !== $old, lives(session_id())]);
}
--EXPECT--
ok: locking 1, changed after that: told
ok: locking 1, changed after that
ok: locking 1: told
ok: locking 1
ok: locking 1, nothing in between: it goes on
ok: locking 0, changed after that: told
ok: locking 0, changed after that
ok: locking 0: told
ok: locking 0
ok: locking 0, nothing in between: it goes on
