--TEST--
an exception out of any method of a subclass leaves no lock behind, and the next session of the process has its own
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

ini_set('session.use_strict_mode', '1');

class Throws extends SessionHandler
{
    public string $in = '';

    private function pass(string $method): void
    {
        if ($method === $this->in) {
            $this->in = '';
            throw new RuntimeException($method);
        }
    }

    public function open(string $path, string $name): bool
    {
        $done = parent::open($path, $name);
        $this->pass('open');
        return $done;
    }

    public function validateId(string $id): bool
    {
        $this->pass('validateId');
        return true;
    }

    public function read(string $id): string|false
    {
        $data = parent::read($id);
        $this->pass('read');
        return $data;
    }

    public function write(string $id, string $data): bool
    {
        $this->pass('write');
        return parent::write($id, $data);
    }

    public function updateTimestamp(string $id, string $data): bool
    {
        $this->pass('updateTimestamp');
        return parent::updateTimestamp($id, $data);
    }

    public function destroy(string $id): bool
    {
        $this->pass('destroy');
        return parent::destroy($id);
    }

    public function close(): bool
    {
        $this->pass('close');
        return parent::close();
    }

    public function create_sid(): string
    {
        $this->pass('create_sid');
        return parent::create_sid();
    }
}

/** Serializing it throws; PHP then calls neither write() nor close(). */
class Unserializable
{
    public function __serialize(): array
    {
        throw new RuntimeException('__serialize');
    }
}

$handler = new Throws();
session_set_save_handler($handler);

$write = 'session_write_close';
$cases = [
    ['open', fn () => 0], ['validateId', fn () => 0], ['read', fn () => 0], ['write', $write],
    ['updateTimestamp', $write], ['close', $write], ['close', 'session_abort'], ['close', 'session_destroy'],
    ['destroy', 'session_destroy'], ['open', 'session_reset'], ['read', 'session_reset'],
    ['write', 'session_commit'], ['write', 'session_regenerate_id'], ['open', 'session_regenerate_id'],
    ['read', 'session_regenerate_id'], ['close', 'session_regenerate_id'], ['create_sid', 'session_regenerate_id'],
    ['destroy', fn () => session_regenerate_id(true)], ['destroy', fn () => session_decode('a|i:x')],
    ['write', Closure::fromCallable('session_write_close')],
    ['__serialize', function () {
        $_SESSION['object'] = new Unserializable();
        session_write_close();
    }],
];
foreach ($cases as [$method, $call]) {
    $id = new_id();
    store_session($id, ['n' => 1]);
    $name = "$method in " . (is_string($call) ? $call : 'a closure');
    $thrown = null;
    try {
        $at_start = in_array($method, ['open', 'validateId', 'read'], true) && !is_string($call);
        $handler->in = $at_start ? $method : '';
        start($id);
        $handler->in = $method;
        if ($method !== 'updateTimestamp') {
            $_SESSION['n'] = 2;
        }
        @$call();
    } catch (Throwable $exception) {
        // PHP may have thrown an error of its own since.
        $thrown = ($exception->getPrevious() ?? $exception)->getMessage();
    }
    $handler->in = '';
    $broken = [];
    if ($thrown !== $method) {
        $broken[] = 'it did not throw: ' . var_export($thrown, true);
    }
    if (session_status() === PHP_SESSION_ACTIVE) {
        // PHP goes on with it; so its lock stays until it ends.
        session_abort();
    }
    if (is_locked($id) || rustredis_status()['locks'] !== []) {
        $broken[] = 'a lock is left';
    }
    // The next job of the same process.
    $next = new_id();
    store_session($next, ['n' => 1]);
    if (!start($next) || !is_locked($next)) {
        $broken[] = 'the next session has no lock';
    }
    $_SESSION['n']++;
    session_write_close();
    if (redis()->get(data_key($next)) !== 'n|i:2;' || is_locked($next)) {
        $broken[] = 'the next session was not saved and released';
    }
    same($name, [], $broken);
}
--EXPECT--
ok: open in a closure
ok: validateId in a closure
ok: read in a closure
ok: write in session_write_close
ok: updateTimestamp in session_write_close
ok: close in session_write_close
ok: close in session_abort
ok: close in session_destroy
ok: destroy in session_destroy
ok: open in session_reset
ok: read in session_reset
ok: write in session_commit
ok: write in session_regenerate_id
ok: open in session_regenerate_id
ok: read in session_regenerate_id
ok: close in session_regenerate_id
ok: create_sid in session_regenerate_id
ok: destroy in a closure
ok: destroy in a closure
ok: write in a closure
ok: __serialize in a closure
