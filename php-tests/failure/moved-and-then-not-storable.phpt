--TEST--
$_SESSION that cannot be stored is not moved to a new id, and no message says that something stays where nothing does
--INI--
session.lazy_write=0
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

/* Only its own code can tell that it cannot be stored. */
class Changes
{
    public function __serialize(): array
    {
        $GLOBALS['other'] = new stdClass();
        return [];
    }
}
function put_what_changes(): void
{
    ini_set('rustredis.json_objects', 'serialize');
    $GLOBALS['other'] = null;
    $_SESSION['other'] = &$GLOBALS['other'];
    $_SESSION['changes'] = new Changes();
}
class Has
{
    public int $n = 1;
    protected mixed $rest;
    public function __construct(mixed $rest)
    {
        $this->rest = $rest;
    }
}
$handlers = ['native' => null, 'class' => new class extends SessionHandler {}, 'object' => new RustRedis\SessionHandler()];
/* The messages and exceptions of the call. */
$all_of = function (callable $what): array {
    $thrown = null;
    $got = warnings_of(function () use ($what, &$thrown) {
        try {
            $what();
        } catch (Exception $exception) {
            $thrown = $exception->getMessage();
        }
    });
    return [...$got, ...array_filter([$thrown])];
};
$begin = function (string $serializer): string {
    ini_set('session.serialize_handler', $serializer);
    ini_set('rustredis.max_value_size', '1K');
    ini_restore('rustredis.json_objects');
    $id = new_id();
    redis()->set(data_key($id), ['json' => '{"user":7}', 'php' => 'user|i:7;', 'php_serialize' => 'a:1:{s:4:"user";i:7;}',
        'php_binary' => "\4useri:7;"][$serializer]);
    start($id);
    return $id;
};
$values = [
    'an object' => ['json', ['o' => new stdClass], 'stdClass'],
    'too large' => ['json', ['o' => str_repeat('x', 2000)], 'max_value_size'],
    'a closure' => ['php', ['o' => [1, [fn () => 1]]], 'Closure'],
    'a closure inside' => ['php_binary', ['o' => new Has([new Has(fn () => 1)])], 'Closure'],
    'a closure as JSON' => ['json', ['o' => new Has(fn () => 1)], 'Closure'],
    'a key' => ['php', ['a|b' => 1], '|'],
    'a large text' => ['php_serialize', ['o' => [str_repeat('x', 2000)]], 'max_value_size'],
];
foreach ($handlers as $name => $handler) {
    $handler ? session_set_save_handler($handler) : 0;
    foreach ($values as $what => [$serializer, $more, $word]) {
        // A class may store a shorter text than it gets, and an object has a limit of its own.
        if ($what === 'a large text' && $handler || $what === 'too large' && $name === 'object') {
            continue;
        }
        $id = $begin($serializer);
        $_SESSION += $more;
        ini_set('rustredis.json_objects', str_contains($what, 'JSON') ? 'serialize' : 'refuse');
        $got = $all_of(function () use (&$moved) { $moved = session_regenerate_id(true); });
        session_abort();
        same("$name, $what: not moved", [false, false], [(bool) $moved, is_locked($id)]);
        $moved = null;
        ok("$name, $what: it stays", str_contains((string) redis()->get(data_key($id)), 'user'), redis()->get(data_key($id)));
        ok("$name, $what: it is said", (bool) preg_grep('/rustredis: the session is not moved to a new id: .*' . preg_quote($word) . '.*; what was stored before stays/', $got), $got);
    }

    // The same where the old session is not deleted at once. The limit of an object is its own.
    if ($name !== 'object') {
        $id = $begin('php_serialize');
        $_SESSION['o'] = str_repeat('x', 2000);
        $got = $all_of(fn () => session_regenerate_id(false));
        session_status() === PHP_SESSION_ACTIVE && session_abort();
        ok("$name, too large, not deleted: it is said", (bool) preg_grep('/max_value_size/', $got), $got);
        same("$name, too large, not deleted: it stays", 'a:1:{s:4:"user";i:7;}', redis()->get(data_key($id)));
    }

    foreach (['under a new id' => true, 'new' => false] as $what => $moves) {
        if ($moves) {
            $old = $begin('json');
            put_what_changes();
            same("$name, $what: moved", true, session_regenerate_id(true));
        } else {
            start(new_id());
            put_what_changes();
        }
        $got = $all_of(session_write_close(...));
        session_status() === PHP_SESSION_ACTIVE && session_abort();
        ok("$name, $what: it is said", (bool) preg_grep('/rustredis: the session is not saved: .*; nothing is stored under its id/', $got) && !preg_grep('/stays/', $got), $got);
        same("$name, $what: nothing is stored", [null, false], [redis()->get(data_key(session_id())), is_locked(session_id())]);
    }

    // It goes on once it is stored.
    $id = new_id();
    start($id);
    $_SESSION['n'] = 1;
    same("$name: saved", true, session_write_close());
    start($id);
    put_what_changes();
    $got = $all_of(session_write_close(...));
    session_status() === PHP_SESSION_ACTIVE && session_abort();
    ok("$name: not saved again", (bool) preg_grep('/rustredis: the session is not saved: .*; what was stored before stays/', $got), $got);
    // What was never stored has nothing to lose.
    $id = new_id();
    ini_set('session.serialize_handler', 'php');
    start($id);
    $_SESSION['o'] = fn () => 1;
    same("$name: a new session moves", true, session_regenerate_id(true));
    session_abort();
}
--EXPECT--
ok: native, an object: not moved
ok: native, an object: it stays
ok: native, an object: it is said
ok: native, too large: not moved
ok: native, too large: it stays
ok: native, too large: it is said
ok: native, a closure: not moved
ok: native, a closure: it stays
ok: native, a closure: it is said
ok: native, a closure inside: not moved
ok: native, a closure inside: it stays
ok: native, a closure inside: it is said
ok: native, a closure as JSON: not moved
ok: native, a closure as JSON: it stays
ok: native, a closure as JSON: it is said
ok: native, a key: not moved
ok: native, a key: it stays
ok: native, a key: it is said
ok: native, a large text: not moved
ok: native, a large text: it stays
ok: native, a large text: it is said
ok: native, too large, not deleted: it is said
ok: native, too large, not deleted: it stays
ok: native, under a new id: moved
ok: native, under a new id: it is said
ok: native, under a new id: nothing is stored
ok: native, new: it is said
ok: native, new: nothing is stored
ok: native: saved
ok: native: not saved again
ok: native: a new session moves
ok: class, an object: not moved
ok: class, an object: it stays
ok: class, an object: it is said
ok: class, too large: not moved
ok: class, too large: it stays
ok: class, too large: it is said
ok: class, a closure: not moved
ok: class, a closure: it stays
ok: class, a closure: it is said
ok: class, a closure inside: not moved
ok: class, a closure inside: it stays
ok: class, a closure inside: it is said
ok: class, a closure as JSON: not moved
ok: class, a closure as JSON: it stays
ok: class, a closure as JSON: it is said
ok: class, a key: not moved
ok: class, a key: it stays
ok: class, a key: it is said
ok: class, too large, not deleted: it is said
ok: class, too large, not deleted: it stays
ok: class, under a new id: moved
ok: class, under a new id: it is said
ok: class, under a new id: nothing is stored
ok: class, new: it is said
ok: class, new: nothing is stored
ok: class: saved
ok: class: not saved again
ok: class: a new session moves
ok: object, an object: not moved
ok: object, an object: it stays
ok: object, an object: it is said
ok: object, a closure: not moved
ok: object, a closure: it stays
ok: object, a closure: it is said
ok: object, a closure inside: not moved
ok: object, a closure inside: it stays
ok: object, a closure inside: it is said
ok: object, a closure as JSON: not moved
ok: object, a closure as JSON: it stays
ok: object, a closure as JSON: it is said
ok: object, a key: not moved
ok: object, a key: it stays
ok: object, a key: it is said
ok: object, under a new id: moved
ok: object, under a new id: it is said
ok: object, under a new id: nothing is stored
ok: object, new: it is said
ok: object, new: nothing is stored
ok: object: saved
ok: object: not saved again
ok: object: a new session moves
