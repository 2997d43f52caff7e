--TEST--
a SessionHandler subclass that encrypts what it stores
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class Encrypting extends SessionHandler
{
    private string $key = "not a real key\0with a NUL";

    private function apply(string $data): string
    {
        return $data === '' ? '' : $data ^ str_pad('', strlen($data), $this->key);
    }

    public function read(string $id): string|false
    {
        return $this->apply((string) parent::read($id));
    }

    public function write(string $id, string $data): bool
    {
        return parent::write($id, $this->apply($data));
    }
}
session_set_save_handler(new Encrypting());
$id = new_id();
$values = ['user' => 'ada', 'blob' => str_repeat("secret\0", 1000)];
start($id);
$_SESSION = $values;
session_write_close();
ok('Redis holds no clear text', !str_contains(redis()->get(data_key($id)), 'ada') && !str_contains(redis()->get(data_key($id)), 'secret'));
start($id);
same('the values come back', true, $_SESSION === $values);
$_SESSION['user'] = 'grace';
session_write_close();
start($id);
same('a change too', 'grace', $_SESSION['user']);
session_abort();

// PHP gives a class an empty text if it cannot encode the session.
$wrapper = new class implements SessionHandlerInterface {
    private RustRedis\SessionHandler $inner;
    public function __construct()
    {
        $this->inner = new RustRedis\SessionHandler();
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
        return substr($this->inner->read($id), 4);
    }
    public function write(string $id, string $data): bool
    {
        return $this->inner->write($id, "enc:$data");
    }
    public function destroy(string $id): bool
    {
        return $this->inner->destroy($id);
    }
    public function gc(int $max_lifetime): int|false
    {
        return $this->inner->gc($max_lifetime);
    }
};
$subclass = new class extends SessionHandler {
    public function read(string $id): string|false
    {
        return substr((string) parent::read($id), 4);
    }
    public function write(string $id, string $data): bool
    {
        return parent::write($id, "enc:$data");
    }
};
foreach (['subclass' => $subclass, 'wrapper' => $wrapper] as $name => $handler) {
    session_set_save_handler($handler);
    $other = new_id();
    start($other);
    $_SESSION['user'] = 'ada';
    same("$name: saved", true, session_write_close());
    start($other);
    $_SESSION['a|b'] = 1;
    $said = warnings_of(function () use (&$said_in_exception) {
        try {
            session_write_close();
        } catch (Exception $exception) {
            $said_in_exception = $exception->getMessage();
        }
    });
    ok("$name: not saved", (bool) preg_grep('/session.serialize_handler php could not encode it; what was stored before stays/', [...$said, (string) $said_in_exception]), $said);
    same("$name: what was stored stays", 'enc:user|s:3:"ada";', redis()->get(data_key($other)));
    same("$name: the lock is free", false, is_locked($other));
}
session_set_save_handler(new Encrypting());
start($id);
session_destroy();
same('destroy works', null, redis()->get(data_key($id)));
same('no lock is left', false, is_locked($id));
--EXPECT--
ok: Redis holds no clear text
ok: the values come back
ok: a change too
ok: subclass: saved
ok: subclass: not saved
ok: subclass: what was stored stays
ok: subclass: the lock is free
ok: wrapper: saved
ok: wrapper: not saved
ok: wrapper: what was stored stays
ok: wrapper: the lock is free
ok: destroy works
ok: no lock is left
