--TEST--
RustRedis\SessionHandler: a write or close by hand before session_regenerate_id() leaves no session under the old id, but its copy
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

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
$object = new RustRedis\SessionHandler();
foreach (['the object' => $object, 'a wrapper' => new Wrapper($object)] as $name => $handler) {
    session_set_save_handler($handler);
    $hands = [
        'written' => fn (string $id) => $handler->write($id, session_encode()),
        'closed' => fn () => $handler->close(),
        'written and closed' => fn (string $id) => $handler->write($id, session_encode()) && $handler->close(),
    ];
    foreach ([true, false] as $was_stored) {
        foreach ([[true, 'written'], [false, 'written'], [true, 'closed'], [false, 'closed'], [false, 'written and closed']] as [$deletes, $hand]) {
            $case = "$name, " . ($was_stored ? 'stored before' : 'new') . ', ' . ($deletes ? 'true' : 'false');
            $id = new_id();
            $was_stored && store_session($id, ['a' => 1]);
            start($id);
            $_SESSION['n'] = 1;
            ok("$case: it is $hand by hand", $hands[$hand]($id));
            $_SESSION['secret'] = 2;
            $got = warnings_of(fn () => session_regenerate_id($deletes) && session_write_close());
            same('the id changes', [], $got);
            same('nothing lives under the old id', 0, redis()->exists(data_key($id)));
            $late = json_decode(Child::run('start($argv[1]); say(json_encode($_SESSION));', [$id])->line(), true);
            ok('a late request sees nothing of what came later', !isset($late['secret']), $late);
            ok('the session goes on', str_contains((string) redis()->get(data_key(session_id())), 'secret|i:2;'));
            start(session_id());
            session_destroy();
            same('after the logout nothing is there', '[]', Child::run('start($argv[1]); say(json_encode($_SESSION));', [$id])->line());
        }
    }
}
--EXPECTREGEX--
(ok: [^\n]*\n?){120}
