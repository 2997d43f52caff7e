--TEST--
lock_failure=readonly: a request that has no lock does not move the session away from the one that has it, in any way, and ends it in a logout
--INI--
rustredis.lock_wait=0
rustredis.lock_failure=readonly
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

/** A class that has no touch, as Symfony's. */
class Around implements SessionHandlerInterface
{
    public function __construct(private SessionHandlerInterface $inner)
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

    public function read(string $id): string
    {
        return $this->inner->read($id);
    }

    public function write(string $id, string $data): bool
    {
        return $this->inner->write($id, $data);
    }

    public function destroy(string $id): bool
    {
        return $this->inner->destroy($id);
    }

    public function gc(int $max): int|false
    {
        return $this->inner->gc($max);
    }
}

// An object logs what it goes on without.
ini_set('error_log', '/dev/null');
$handlers = [
    'php.ini' => null,
    'a subclass' => fn () => new SessionHandler(),
    'a wrapper' => fn () => new Around(new SessionHandler()),
    'an object' => fn () => new RustRedis\SessionHandler(),
    'a wrapper of an object' => fn () => new Around(new RustRedis\SessionHandler()),
];
foreach ($handlers as $handler => $make) {
    foreach (['10', '0'] as $grace) {
        ini_set('rustredis.regenerate_grace', $grace);
        foreach ([true, false] as $delete) {
            $make && session_set_save_handler($make());
            store_session($id = new_id(), ['n' => 1]);
            redis()->set(lock_key($id), $lock = foreign_token(), 'PX', 30000);
            start($id);
            [$moved, $thrown] = [false, null];
            $got = warnings_of(function () use ($delete, &$moved, &$thrown) {
                try {
                    $moved = session_regenerate_id($delete);
                } catch (RustRedis\SessionException $thrown) {
                }
            });
            $said = implode("\n", $got) . $thrown?->getMessage();
            $name = "$handler, regenerate_grace=$grace, regenerate_id(" . json_encode($delete) . ')';
            same("$name: the id stays", [false, $id], [$moved, session_id()]);
            ok('and it is said', str_contains($said, 'readonly'), $said);
            same('the session is left alone', ['n|i:1;', 0, $lock], [redis()->get(data_key($id)), redis()->exists(side_key($id, 'OLD')), redis()->get(lock_key($id))]);
            warnings_of(fn () => session_abort());

            // A logout is carried out all the same.
            store_session($id = new_id(), ['user' => 7]);
            redis()->set(lock_key($id), $lock = foreign_token(), 'PX', 30000);
            start($id);
            $_SESSION = [];
            $moved = session_regenerate_id($delete);
            warnings_of(fn () => session_abort());
            same('a logout', [true, 0, 0, $lock], [$moved, redis()->exists(data_key($id)), redis()->exists(side_key($id, 'OLD')), redis()->get(lock_key($id))]);
        }
    }
}
--EXPECT--
ok: php.ini, regenerate_grace=10, regenerate_id(true): the id stays
ok: and it is said
ok: the session is left alone
ok: a logout
ok: php.ini, regenerate_grace=10, regenerate_id(false): the id stays
ok: and it is said
ok: the session is left alone
ok: a logout
ok: php.ini, regenerate_grace=0, regenerate_id(true): the id stays
ok: and it is said
ok: the session is left alone
ok: a logout
ok: php.ini, regenerate_grace=0, regenerate_id(false): the id stays
ok: and it is said
ok: the session is left alone
ok: a logout
ok: a subclass, regenerate_grace=10, regenerate_id(true): the id stays
ok: and it is said
ok: the session is left alone
ok: a logout
ok: a subclass, regenerate_grace=10, regenerate_id(false): the id stays
ok: and it is said
ok: the session is left alone
ok: a logout
ok: a subclass, regenerate_grace=0, regenerate_id(true): the id stays
ok: and it is said
ok: the session is left alone
ok: a logout
ok: a subclass, regenerate_grace=0, regenerate_id(false): the id stays
ok: and it is said
ok: the session is left alone
ok: a logout
ok: a wrapper, regenerate_grace=10, regenerate_id(true): the id stays
ok: and it is said
ok: the session is left alone
ok: a logout
ok: a wrapper, regenerate_grace=10, regenerate_id(false): the id stays
ok: and it is said
ok: the session is left alone
ok: a logout
ok: a wrapper, regenerate_grace=0, regenerate_id(true): the id stays
ok: and it is said
ok: the session is left alone
ok: a logout
ok: a wrapper, regenerate_grace=0, regenerate_id(false): the id stays
ok: and it is said
ok: the session is left alone
ok: a logout
ok: an object, regenerate_grace=10, regenerate_id(true): the id stays
ok: and it is said
ok: the session is left alone
ok: a logout
ok: an object, regenerate_grace=10, regenerate_id(false): the id stays
ok: and it is said
ok: the session is left alone
ok: a logout
ok: an object, regenerate_grace=0, regenerate_id(true): the id stays
ok: and it is said
ok: the session is left alone
ok: a logout
ok: an object, regenerate_grace=0, regenerate_id(false): the id stays
ok: and it is said
ok: the session is left alone
ok: a logout
ok: a wrapper of an object, regenerate_grace=10, regenerate_id(true): the id stays
ok: and it is said
ok: the session is left alone
ok: a logout
ok: a wrapper of an object, regenerate_grace=10, regenerate_id(false): the id stays
ok: and it is said
ok: the session is left alone
ok: a logout
ok: a wrapper of an object, regenerate_grace=0, regenerate_id(true): the id stays
ok: and it is said
ok: the session is left alone
ok: a logout
ok: a wrapper of an object, regenerate_grace=0, regenerate_id(false): the id stays
ok: and it is said
ok: the session is left alone
ok: a logout