--TEST--
a handler class that opens its parent once more before it writes: what could not be decoded is not written over
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class OpensAgain extends SessionHandler
{
    public function write(string $id, string $data): bool
    {
        return parent::open(session_save_path(), session_name()) && parent::write($id, $data);
    }
}
class User
{
    public static bool $fails = false;
    public string $name = 'nobody';

    public function __serialize(): array
    {
        return ['name' => $this->name];
    }

    public function __unserialize(array $data): void
    {
        $this->name = self::$fails ? throw new LogicException('no database') : $data['name'];
    }
}
session_set_save_handler(new OpensAgain());
foreach (['php', 'php_serialize', 'json'] as $serializer) {
    ini_set('session.serialize_handler', $serializer);
    ini_set('rustredis.json_objects', 'serialize');
    start($id = new_id());
    $_SESSION = ['first' => new User(), 'second' => 2];
    $_SESSION['first']->name = 'ada';
    same("$serializer: saved", [], warnings_of(fn () => session_write_close()));
    $stored = redis()->get(data_key($id));

    User::$fails = true;
    try {
        start($id);
        echo "NOT OK: no exception\n";
    } catch (LogicException) {
    }
    User::$fails = false;
    $got = warnings_of(function (): void {
        try {
            session_write_close();
        } catch (ErrorException) {
        }
    });
    session_status() === PHP_SESSION_ACTIVE && session_abort();
    ok('it is refused', (bool) preg_grep('/rustredis: the session is not saved: .* exception ended its decoding/', $got), $got);
    same('what is stored stays', [$stored, false], [redis()->get(data_key($id)), is_locked($id)]);
    same('the next start is whole', 'ada', start($id) ? $_SESSION['first']->name : null);
    session_abort();
}
--EXPECT--
ok: php: saved
ok: it is refused
ok: what is stored stays
ok: the next start is whole
ok: php_serialize: saved
ok: it is refused
ok: what is stored stays
ok: the next start is whole
ok: json: saved
ok: it is refused
ok: what is stored stays
ok: the next start is whole
