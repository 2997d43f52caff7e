--TEST--
a handler class that writes once more stores no session that another process has ended before session_regenerate_id()
--FILE--
<?php
require __DIR__ . '/../class/class.inc';

class Twice extends SessionHandler
{
    public function write(string $id, string $data): bool
    {
        parent::write($id, $data);
        return parent::write($id, $data);
    }
}

class Retries extends SessionHandler
{
    public function write(string $id, string $data): bool
    {
        return parent::write($id, $data) || parent::write($id, $data);
    }
}

class RetriesWithAnObject implements SessionHandlerInterface
{
    public function __construct(private RustRedis\SessionHandler $inner = new RustRedis\SessionHandler)
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

    public function read(string $id): string|false
    {
        return $this->inner->read($id);
    }

    public function write(string $id, string $data): bool
    {
        try {
            return $this->inner->write($id, $data);
        } catch (RustRedis\SessionException) {
            return $this->inner->write($id, $data);
        }
    }

    public function destroy(string $id): bool
    {
        return $this->inner->destroy($id);
    }

    public function gc(int $seconds): int|false
    {
        return 0;
    }
}

ini_set('session.use_cookies', '0');
foreach ([1, 0] as $locking) {
    foreach ([Twice::class, Retries::class, RetriesWithAnObject::class] as $class) {
        foreach ([false, true] as $delete) {
            ini_set('rustredis.locking', $locking);
            session_set_save_handler(new $class, false);
            session_id($id = new_id());
            store_session($id, ['user' => 'ann']);
            session_start();
            $_SESSION['n'] = 1;
            // In another process: a logout is carried out whoever has the lock.
            Child::run('ini_set("rustredis.locking", 0); ini_set("session.use_cookies", 0); session_id($argv[1]); session_start(); session_destroy();', [$id])->output();
            set_error_handler(fn () => true);
            try {
                $moved = session_regenerate_id($delete);
            } catch (RustRedis\SessionException) {
                $moved = false;
            }
            try {
                session_write_close();
            } catch (RustRedis\SessionException) {
                session_abort();
            }
            restore_error_handler();
            $which = "$class, locking=$locking, " . json_encode($delete);
            same("$which: refused", false, $moved);
            same("$which: nothing is stored", [null, null], [redis()->get(data_key($id)), redis()->get(data_key(session_id() ?: $id))]);
        }
    }
}
--EXPECTREGEX--
(ok: [^\n]*\n?){24}
