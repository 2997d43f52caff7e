--TEST--
RustRedis\SessionHandler: PHP's save of the text that was written by hand asks for nothing, whatever others have done since
--INI--
rustredis.lock_wait=0.1
--FILE--
<?php
require __DIR__ . '/class.inc';

class Wrapper implements SessionHandlerInterface
{
    public function __construct(protected RustRedis\SessionHandler $inner)
    {
    }
    public function open(string $path, string $name): bool { return true; }
    public function close(): bool { return $this->inner->close(); }
    public function read(string $id): string|false { return $this->inner->read($id); }
    public function write(string $id, string $data): bool { return $this->inner->write($id, $data); }
    public function destroy(string $id): bool { return $this->inner->destroy($id); }
    public function gc(int $max): int|false { return $this->inner->gc($max); }
}

$object = new RustRedis\SessionHandler();
$other = new RustRedis\SessionHandler();
$others = [
    'nothing' => [fn (string $id) => null, 'same'],
    'a read' => [fn (string $id) => $other->read($id) && $other->close(), 'same'],
    'a change' => [fn (string $id) => $other->read($id) && $other->write($id, 'theirs|i:1;'), 'theirs|i:1;'],
    'a lock' => [fn (string $id) => $other->lock($id), 'same'],
    'a logout' => [fn (string $id) => $other->destroy($id), null],
    'a new id' => [fn (string $id) => Child::run('start($argv[1]); session_regenerate_id(true);', [$id])->output(), null],
    'its loss' => [fn (string $id) => redis()->del(data_key($id)), 'same'],
];
foreach (['the object' => $object, 'a class' => new Wrapper($object)] as $name => $handler) {
    session_set_save_handler($handler);
    foreach ([true, false] as $changes) {
        foreach ($others as $what => [$between, $stored]) {
            store_session($id = new_id(), ['a' => 1], 100);
            start($id);
            $changes && $_SESSION['n'] = 1;
            $text = session_encode();
            $handler->write($id, $text);
            $between($id);
            $case = "$name, " . ($changes ? 'changed' : 'unchanged') . ", $what";
            same($case, '', thrown('session_write_close'));
            same('what is stored stays', $stored === 'same' ? $text : $stored, redis()->get(data_key($id)));
            $other->close();
            same('no lock is left', [false, 0], [is_locked($id), locks()]);
        }
    }
    store_session($id = new_id(), ['a' => 1], 100);
    start($id);
    $_SESSION['n'] = 1;
    $handler->write($id, session_encode());
    redis()->expire(data_key($id), 50);
    session_write_close();
    ok('the TTL is refreshed', redis()->ttl(data_key($id)) > 1000);
    start($id);
    $_SESSION['n'] = 2;
    $handler->write($id, session_encode());
    $other->read($id);
    $other->write($id, 'theirs|i:1;');
    $_SESSION['n'] = 3;
    same('another text is refused', 'LockLostException', thrown('session_write_close'));
    same('theirs stays', 'theirs|i:1;', redis()->get(data_key($id)));
}
--EXPECTREGEX--
(ok: [^\n]*\n?){90}
