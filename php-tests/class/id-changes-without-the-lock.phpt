--TEST--
RustRedis\SessionHandler: the id changes after the lock was given back by hand: nothing that others have stored since is lost, and nothing lives under the old id
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class Wrapper implements SessionHandlerInterface
{
    public function __construct(protected ?RustRedis\SessionHandler $inner = null) {}
    protected function inner(): RustRedis\SessionHandler { return $this->inner; }
    public function open(string $path, string $name): bool { return $this->inner()->open($path, $name); }
    public function close(): bool { return $this->inner()->close(); }
    public function read(string $id): string|false { return $this->inner()->read($id); }
    public function write(string $id, string $data): bool { return $this->inner()->write($id, $data); }
    public function destroy(string $id): bool { return $this->inner()->destroy($id); }
    public function gc(int $max): int|false { return 0; }
}
/* Its sessions are still in another store, from which they move to this one. */
class Migrates extends Wrapper
{
    public array $old = [];
    public function read(string $id): string|false { return $this->old[$id] ?? ''; }
}
class Anew extends Wrapper
{
    protected function inner(): RustRedis\SessionHandler { return new RustRedis\SessionHandler(); }
}
$object = new RustRedis\SessionHandler();
$hands = [
    'written' => fn (string $id) => $object->write($id, session_encode()),
    'closed' => fn () => $object->close(),
    'released' => fn (string $id) => $object->release($id),
];
session_set_save_handler($object);
foreach ($hands as $hand => $gives_back) {
    foreach ([true, false] as $deletes) {
        $case = "$hand, " . ($deletes ? 'true' : 'false');
        store_session($id = new_id(), ['a' => 1]);
        start($id);
        $_SESSION['n'] = 1;
        $gives_back($id);
        $other = Child::run('start($argv[1]); $_SESSION["cart"] = 7; say(json_encode(session_write_close()));', [$id])->line();
        $_SESSION['secret'] = 2;
        try {
            $got = @session_regenerate_id($deletes);
        } catch (RustRedis\SessionException $error) {
            $got = $error->getMessage();
        }
        ok("$case: the change of another request is kept", is_string($got) && str_contains($got, 'was not moved to a new id'), $got);
        ok('as it was stored', $other === 'true' && str_contains((string) redis()->get(data_key($id)), 'cart|i:7;'));
        ok('and no lock', !is_locked($id));
        warnings_of(function (): void {
            try {
                session_abort();
            } catch (RustRedis\SessionException) {
            }
        });
    }
}
foreach (['Migrates', 'Anew'] as $class) {
    foreach ([true, false] as $deletes) {
        session_set_save_handler($handler = new $class($object));
        store_session($id = new_id(), ['a' => 1]);
        if ($class === 'Migrates') {
            $handler->old = [$id => 'a|i:1;'];
        }
        start($id);
        $_SESSION['secret'] = 2;
        ok("$class, " . ($deletes ? 'true' : 'false') . ': the id changes', session_regenerate_id($deletes) && session_write_close());
        same('nothing lives under the old id', 0, redis()->exists(data_key($id)));
        ok('a late request sees nothing of what came later', !str_contains((string) redis()->get(side_key($id, 'OLD')), 'secret'));
        ok('the session goes on', str_contains((string) redis()->get(data_key(session_id())), 'secret|i:2;'));
    }
}
--EXPECTREGEX--
(ok: [^\n]*\n?){34}
