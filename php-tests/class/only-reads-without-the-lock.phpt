--TEST--
RustRedis\SessionHandler as PHP's handler: read_and_close takes no lock, waits for none, and reads where Redis refuses to write
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
    public function open(string $path, string $name): bool { return $this->inner->open($path, $name); }
    public function close(): bool { return $this->inner->close(); }
    public function read(string $id): string|false { return $this->inner->read($id); }
    public function write(string $id, string $data): bool { return $this->inner->write($id, $data); }
    public function destroy(string $id): bool { return $this->inner->destroy($id); }
    public function gc(int $max): int|false { return $this->inner->gc($max); }
}

/** Passes neither open() nor close() on. */
class Silent extends Wrapper
{
    public function open(string $path, string $name): bool { return true; }
    public function close(): bool { return true; }
}

/** Its validateId() reads. */
class Strict extends Silent implements SessionUpdateTimestampHandlerInterface
{
    public function validateId(string $id): bool { return $this->inner->read($id) !== ''; }
    public function updateTimestamp(string $id, string $data): bool { return $this->inner->updateTimestamp($id, $data); }
}

$server = RedisServer::start();
$resp = $server->resp();
$object = new RustRedis\SessionHandler($server->save_path());
$other = new RustRedis\SessionHandler($server->save_path());
foreach ([$object, new Wrapper($object), new Silent($object), new Strict($object)] as $handler) {
    session_set_save_handler($handler);
    foreach (['0', '1'] as $strict) {
        ini_set('session.use_strict_mode', $strict);
        $resp->set(data_key($id = new_id()), 'n|i:1;', 'EX', 100);
        $read = function (bool $only = true) use ($id): array {
            $_SESSION = [];
            $thrown = thrown(fn () => start($id, ['read_and_close' => $only]));
            return [$thrown, $_SESSION, session_status()];
        };
        $got = ['', ['n' => 1], PHP_SESSION_NONE];
        same(get_class($handler) . ", strict=$strict: it is read", $got, $read());
        same('and leaves no lock', 0, locks());
        $other->lock($id);
        same('another has the lock', $got, $read());
        $other->close();
        $resp->set(lock_key($id), foreign_token(), 'PX', 60000);
        same('another process has it', $got, $read());
        same('any other start waits', 'LockTimeoutException', $read(false)[0]);
        $resp->del(lock_key($id));
        $resp->config('SET', 'min-replicas-to-write', '3');
        same('Redis refuses to write', $got, $read());
        $resp->config('SET', 'min-replicas-to-write', '0');
        $resp->replicaof('127.0.0.1', '1');
        same('a replica', $got, $read());
        $resp->replicaof('NO', 'ONE');
        same('any other start locks', [['', ['n' => 1], PHP_SESSION_ACTIVE], 1], [$read(false), locks()]);
        $_SESSION['n'] = 2;
        same('and saves', [true, 'n|i:2;', 0], [session_write_close(), $resp->get(data_key($id)), locks()]);
        $_SESSION = [];
        start($id, ['read_and_close' => true]);
        same('a write by hand afterwards takes the lock itself', true, $handler->write($id, 'n|i:3;'));
        start($id, ['read_and_close' => true]);
        $other->read($id);
        $other->write($id, 'theirs');
        same('and goes over nothing else', 'LockLostException', thrown(fn () => $handler->write($id, 'n|i:4;')));
        same('no lock is left', [0, false], [locks(), is_locked($id, $resp)]);
    }
}
--EXPECTREGEX--
(ok: [^\n]*\n?){96}
