--TEST--
a wrapper around the class that has PHP give its session up in validateId() or read(), and then asks the class: no lock is left
--SKIPIF--
<?php
PHP_DEBUG and die('skip the checks of PHP report what it leaks itself when validateId() gives the session up');
--FILE--
<?php
require __DIR__ . '/class.inc';

use RustRedis\SessionHandler;

ini_set('session.use_strict_mode', '1');

class GivesUp implements SessionHandlerInterface, SessionIdInterface, SessionUpdateTimestampHandlerInterface
{
    public string $in = '';
    public ?Closure $how = null;

    public function __construct(private SessionHandlerInterface $inner)
    {
    }

    private function pass(string $method): void
    {
        if ($method === $this->in) {
            $this->in = '';
            ($this->how)();
        }
    }

    public function open(string $path, string $name): bool
    {
        return $this->inner->open($path, $name);
    }

    public function validateId(string $id): bool
    {
        $this->pass('validateId');
        return $this->inner->validateId($id);
    }

    public function read(string $id): string|false
    {
        $this->pass('read');
        return $this->inner->read($id);
    }

    public function write(string $id, string $data): bool
    {
        return $this->inner->write($id, $data);
    }

    public function updateTimestamp(string $id, string $data): bool
    {
        return $this->inner->updateTimestamp($id, $data);
    }

    public function destroy(string $id): bool
    {
        return $this->inner->destroy($id);
    }

    public function close(): bool
    {
        return $this->inner->close();
    }

    public function gc(int $max_lifetime): int|false
    {
        return $this->inner->gc($max_lifetime);
    }

    public function create_sid(): string
    {
        return $this->inner->create_sid();
    }
}

$inner = new SessionHandler();
$handler = new GivesUp($inner);
session_set_save_handler($handler, false);
foreach (['session_reset', 'session_destroy', 'session_abort', 'session_write_close'] as $function) {
    foreach (['validateId', 'read'] as $method) {
        $id = new_id();
        store_session($id, ['n' => 1]);
        $handler->in = $method;
        $handler->how = fn () => @$function();
        try {
            @start($id);
        } catch (Throwable) {
        }
        $was_active = session_status() === PHP_SESSION_ACTIVE;
        if ($was_active) {
            // PHP goes on with it.
            session_abort();
        }
        same("$function() in $method()", [false, []], [is_locked($id), rustredis_status()['locks']]);
        same('what is stored', 'n|i:1;', redis()->get(data_key($id)));
    }
}
// The locks that the application has asked for stay.
$own = new SessionHandler();
$own->lock($id = new_id());
store_session($other = new_id(), ['n' => 1]);
start($other);
session_write_close();
same('a lock of the application', [true, false], [is_locked($id), is_locked($other)]);
$own->release($id);
--EXPECTREGEX--
(ok: (\w+\(\) in \w+\(\)|what is stored|a lock of the application)\n?){17}
