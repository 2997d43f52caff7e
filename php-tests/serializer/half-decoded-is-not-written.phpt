--TEST--
an exception while objects are decoded: the session that PHP goes on with is not written, until it is read again
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class User
{
    public static bool $fails = false;
    public ?string $name = null;

    public function __serialize(): array
    {
        return ['name' => $this->name];
    }

    public function __unserialize(array $data): void
    {
        $this->name = self::$fails ? throw new LogicException('no database') : $data['name'];
    }
}

foreach (['php', 'php_serialize', 'json'] as $serializer) {
    ini_set('session.serialize_handler', $serializer);
    ini_set('rustredis.json_objects', 'serialize');
    start($id = new_id());
    $_SESSION = ['first' => $user = new User(), 'second' => clone $user];
    $_SESSION['first']->name = 'ada';
    session_write_close();
    $stored = redis()->get(data_key($id));

    User::$fails = true;
    try {
        start($id);
        echo "NOT OK: no exception\n";
    } catch (LogicException) {
        echo "ok: $serializer: the exception arrives\n";
    }
    User::$fails = false;
    if (session_status() === PHP_SESSION_ACTIVE) {
        $_SESSION['page'] = 'error';
        $got = warnings_of(fn () => session_write_close());
        check_warnings('it is refused', $got, [['rustredis: the session is not saved: .* exception ended its decoding'], WRITE_FAILED], $id);
    } else {
        echo "NOT OK: not active\n";
    }
    same('what is stored stays', [$stored, false], [redis()->get(data_key($id)), is_locked($id)]);

    User::$fails = true;
    try {
        start($id);
    } catch (LogicException) {
    }
    User::$fails = false;
    foreach ([false, true] as $delete) {
        if (session_status() === PHP_SESSION_ACTIVE) {
            $moved = null;
            $got = warnings_of(function () use (&$moved, $delete) { $moved = session_regenerate_id($delete); });
            same('nor moved', [false, PHP_SESSION_NONE], [$moved, session_status()]);
            ok('which is said', str_contains($got[0] ?? '', 'ended its decoding'), $got);
        }
        same('what is stored stays there', [$stored, false], [redis()->get(data_key($id)), is_locked($id)]);
        User::$fails = true;
        try {
            start($id);
        } catch (LogicException) {
        }
        User::$fails = false;
    }
    session_abort();

    same('the next start is whole', 'ada', start($id) ? $_SESSION['first']->name : null);
    User::$fails = true;
    try {
        session_reset();
        echo "NOT OK: no exception\n";
    } catch (LogicException) {
    }
    User::$fails = false;
    same('after session_reset()', 'ada', session_reset() ? $_SESSION['first']->name : null);
    $_SESSION['n'] = 1;
    same('it is written', [], warnings_of(fn () => session_write_close()));
    same('and whole', ['ada', 1], start($id) ? [$_SESSION['first']->name, $_SESSION['n']] : null);
    session_abort();
}
--EXPECT--
ok: php: the exception arrives
ok: it is refused
ok: what is stored stays
ok: nor moved
ok: which is said
ok: what is stored stays there
ok: nor moved
ok: which is said
ok: what is stored stays there
ok: the next start is whole
ok: after session_reset()
ok: it is written
ok: and whole
ok: php_serialize: the exception arrives
ok: it is refused
ok: what is stored stays
ok: nor moved
ok: which is said
ok: what is stored stays there
ok: nor moved
ok: which is said
ok: what is stored stays there
ok: the next start is whole
ok: after session_reset()
ok: it is written
ok: and whole
ok: json: the exception arrives
ok: it is refused
ok: what is stored stays
ok: nor moved
ok: which is said
ok: what is stored stays there
ok: nor moved
ok: which is said
ok: what is stored stays there
ok: the next start is whole
ok: after session_reset()
ok: it is written
ok: and whole
