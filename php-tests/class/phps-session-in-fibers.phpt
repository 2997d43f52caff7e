--TEST--
RustRedis\SessionHandler as PHP's save handler: PHP's session is one for all fibers, and a lock by hand is its fiber's
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

/* Passes everything on. */
class Wrapper implements SessionHandlerInterface
{
    public function __construct(private RustRedis\SessionHandler $inner)
    {
    }
    public function open(string $path, string $name): bool { return $this->inner->open($path, $name); }
    public function close(): bool { return $this->inner->close(); }
    public function read(string $id): string|false { return $this->inner->read($id); }
    public function write(string $id, string $data): bool { return $this->inner->write($id, $data); }
    public function destroy(string $id): bool { return $this->inner->destroy($id); }
    public function gc(int $max): int|false { return $this->inner->gc($max); }
}
/* Keeps open() to itself. */
class Silent extends Wrapper
{
    public function open(string $path, string $name): bool { return true; }
}
$suspended = [];
$places = [
    'no fiber' => fn (callable $does) => $does(),
    'a fiber' => function (callable $does) use (&$suspended): void {
        $suspended[] = $fiber = new Fiber(function () use ($does): void {
            $does();
            Fiber::suspend();
        });
        $fiber->start();
    },
];
$inner = new RustRedis\SessionHandler();
foreach (['object' => $inner, 'wrapper' => new Wrapper($inner), 'silent' => new Silent($inner)] as $name => $handler) {
    session_set_save_handler($handler);
    foreach ($places as $first => $begins) {
        foreach ($places as $then => $ends) {
            $id = new_id();
            store_session($id, ['n' => 1]);
            $begins(fn () => start($id));
            $_SESSION['n'] = 2;
            $ends(fn () => session_write_close());
            $saved = [redis()->get(data_key($id)), is_locked($id)];

            $begins(fn () => start($id));
            $_SESSION['n'] = 3;
            $ends(fn () => session_abort());
            $aborted = [redis()->get(data_key($id)), is_locked($id)];

            $begins(fn () => start($id));
            $_SESSION['n'] = 3;
            $ends(fn () => session_reset());
            $reset = $_SESSION['n'];
            session_abort();

            $begins(fn () => start($id));
            $ends(fn () => session_regenerate_id(true));
            $_SESSION['n'] = 4;
            $begins(fn () => session_write_close());
            $moved = [redis()->get(data_key($id)), is_locked($id), redis()->get(data_key(session_id())), is_locked(session_id())];

            $begins(fn () => start(session_id()));
            $id = session_id();
            $ends(fn () => session_destroy());
            $destroyed = [redis()->get(data_key($id)), is_locked($id)];

            same("$name: $first, $then: saved", ['n|i:2;', false], $saved);
            same('aborted', ['n|i:2;', false], $aborted);
            same('reset', 2, $reset);
            same('moved', [null, false, 'n|i:4;', false], $moved);
            same('destroyed', [null, false], $destroyed);
        }
    }
    // A lock that a fiber has taken by hand is no session of PHP.
    $id = new_id();
    store_session($id, ['n' => 1]);
    $places['a fiber'](fn () => $inner->read($id));
    $thrown = null;
    $places['a fiber'](function () use ($id, &$thrown): void {
        try {
            @start($id);
        } catch (RustRedis\LockTimeoutException $exception) {
            $thrown = true;
        }
    });
    same("$name: by hand", [true, PHP_SESSION_NONE, true], [$thrown, session_status(), is_locked($id)]);
    $inner->release();
}
--EXPECT--
ok: object: no fiber, no fiber: saved
ok: aborted
ok: reset
ok: moved
ok: destroyed
ok: object: no fiber, a fiber: saved
ok: aborted
ok: reset
ok: moved
ok: destroyed
ok: object: a fiber, no fiber: saved
ok: aborted
ok: reset
ok: moved
ok: destroyed
ok: object: a fiber, a fiber: saved
ok: aborted
ok: reset
ok: moved
ok: destroyed
ok: object: by hand
ok: wrapper: no fiber, no fiber: saved
ok: aborted
ok: reset
ok: moved
ok: destroyed
ok: wrapper: no fiber, a fiber: saved
ok: aborted
ok: reset
ok: moved
ok: destroyed
ok: wrapper: a fiber, no fiber: saved
ok: aborted
ok: reset
ok: moved
ok: destroyed
ok: wrapper: a fiber, a fiber: saved
ok: aborted
ok: reset
ok: moved
ok: destroyed
ok: wrapper: by hand
ok: silent: no fiber, no fiber: saved
ok: aborted
ok: reset
ok: moved
ok: destroyed
ok: silent: no fiber, a fiber: saved
ok: aborted
ok: reset
ok: moved
ok: destroyed
ok: silent: a fiber, no fiber: saved
ok: aborted
ok: reset
ok: moved
ok: destroyed
ok: silent: a fiber, a fiber: saved
ok: aborted
ok: reset
ok: moved
ok: destroyed
ok: silent: by hand
