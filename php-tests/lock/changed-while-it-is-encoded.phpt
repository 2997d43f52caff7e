--TEST--
$_SESSION that changes while it is encoded is stored as it was
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class Once
{
    public int $n = 1;

    public function __sleep(): array
    {
        unset($_SESSION['flash']);
        for ($i = 0; $i < 20; $i++) {
            $_SESSION["new$i"] = str_repeat('m', 20);
        }
        return ['n'];
    }
}

$values = ['user' => 7, 'one' => new Once, 'two' => new Once, 'flash' => 'once'];
foreach (['php', 'php_serialize'] as $serializer) {
    ini_set('session.serialize_handler', $serializer);
    $id = new_id();
    start($id);
    $_SESSION = $values;
    same("$serializer: saved", true, session_write_close());
    $_SESSION = [];
    same("$serializer: read", true, start($id));
    same("$serializer: both objects and the user are there", [7, 1, 1],
        [$_SESSION['user'], $_SESSION['one']->n, $_SESSION['two']->n]);
    ok("$serializer: nothing that came later", !isset($_SESSION['new1']));
    session_abort();
}

// PHP destroys the values of session_unset() while it walks over them, and one of them saves the session.
class Saves
{
    public function __destruct()
    {
        session_write_close();
    }
}
ini_restore('session.serialize_handler');
$id = new_id();
start($id);
$_SESSION = ['saves' => new Saves, 'one' => new Once, 'two' => [1, 2]];
same('unset: true', true, session_unset());
same('unset: the session is saved', PHP_SESSION_NONE, session_status());
same('unset: the lock is free', false, is_locked($id));
ok('unset: nothing of it is left', !isset($_SESSION['one']) && !isset($_SESSION['two']), $_SESSION);

// Others walk over $_SESSION by reference: the array stays the same, and has the changes afterwards.
class Marks
{
    public function __serialize(): array
    {
        unset($_SESSION['flash']);
        $_SESSION['seen'] = ($_SESSION['seen'] ?? 0) + 1;
        return [];
    }
}
$id = new_id();
start($id);
$_SESSION = ['saves' => new Saves, 'marks' => new Marks, 'two' => [1, 2]];
try {
    array_splice($_SESSION, 0, 1);
} catch (Error) {
    // PHP 8.4 and later say that the array was modified.
}
same('splice: the session is saved', [PHP_SESSION_NONE, false], [session_status(), is_locked($id)]);
same('splice: the other values are there', [[1, 2], 1], [$_SESSION['two'], $_SESSION['seen']]);
start($id);
$_SESSION = ['marks' => new Marks, 'two' => [1, 2], 'flash' => 'once'];
$walked = [];
foreach ($_SESSION as $key => &$value) {
    $walked[] = $key;
    session_encode();
    if (count($walked) > 9) {
        break;
    }
}
unset($value);
same('foreach: each value once', ['marks', 'two', 'seen'], $walked);
same('foreach: with the changes', ['marks', 'two', 'seen'], array_keys($_SESSION));
$copy = $_SESSION;
session_encode();
same('a copy of before stays as it was', [3, 4], [$copy['seen'], $_SESSION['seen']]);
session_abort();

// The end of a request saves as well, also for a class, and a session that was started after all.
$functions = '$h = new SessionHandler; session_set_save_handler($h->open(...), $h->close(...), $h->read(...), $h->write(...),
    $h->destroy(...), $h->gc(...));';
$ways = [
    'at the end' => '',
    'of a class' => 'session_set_save_handler(new class extends SessionHandler {}, false);',
    'of a class that forgets' => 'session_set_save_handler(new class extends SessionHandler {
        function close(): bool { return true; } }, false);',
    'of an object' => 'session_set_save_handler(new RustRedis\SessionHandler, false);',
    'of functions' => $functions,
    'of a class, at last' => 'session_set_save_handler(new class extends SessionHandler {});
        $last = new class { function __destruct() { begin(); } };',
];
foreach ($ways as $way => $code) {
    $id = new_id();
    $child = Child::run($code . '
        class Once { public int $n = 1; function __sleep(): array { unset($_SESSION["flash"]); return ["n"]; } }
        function begin() {
            session_id($GLOBALS["argv"][1]);
            session_start();
            $_SESSION = ["user" => 7, "one" => new Once, "flash" => "once"];
        }
        ini_set("session.serialize_handler", "php_serialize");
        isset($last) || begin();
    ', [$id], ['error_reporting' => E_ALL & ~E_DEPRECATED]);
    same("$way: no message", '', $child->output());
    ini_set('session.serialize_handler', 'php_serialize');
    same("$way: read", true, start($id));
    same("$way: the user is there", [7, 1, 'once'], [$_SESSION['user'] ?? 0, $_SESSION['one']->n ?? 0, $_SESSION['flash'] ?? '']);
    session_abort();
}
--EXPECT--
ok: php: saved
ok: php: read
ok: php: both objects and the user are there
ok: php: nothing that came later
ok: php_serialize: saved
ok: php_serialize: read
ok: php_serialize: both objects and the user are there
ok: php_serialize: nothing that came later
ok: unset: true
ok: unset: the session is saved
ok: unset: the lock is free
ok: unset: nothing of it is left
ok: splice: the session is saved
ok: splice: the other values are there
ok: foreach: each value once
ok: foreach: with the changes
ok: a copy of before stays as it was
ok: at the end: no message
ok: at the end: read
ok: at the end: the user is there
ok: of a class: no message
ok: of a class: read
ok: of a class: the user is there
ok: of a class that forgets: no message
ok: of a class that forgets: read
ok: of a class that forgets: the user is there
ok: of an object: no message
ok: of an object: read
ok: of an object: the user is there
ok: of functions: no message
ok: of functions: read
ok: of functions: the user is there
ok: of a class, at last: no message
ok: of a class, at last: read
ok: of a class, at last: the user is there
