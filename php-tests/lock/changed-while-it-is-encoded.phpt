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

// The end of a request saves as well.
$id = new_id();
$child = Child::run('
    class Once { public int $n = 1; function __sleep(): array { unset($_SESSION["flash"]); return ["n"]; } }
    ini_set("session.serialize_handler", "php_serialize");
    session_id($argv[1]);
    session_start();
    $_SESSION = ["user" => 7, "one" => new Once, "flash" => "once"];
', [$id]);
same('at the end: no message', '', $child->output());
same('at the end: read', true, start($id));
same('at the end: the user is there', 7, $_SESSION['user']);
--EXPECT--
ok: php: saved
ok: php: read
ok: php: both objects and the user are there
ok: php: nothing that came later
ok: php_serialize: saved
ok: php_serialize: read
ok: php_serialize: both objects and the user are there
ok: php_serialize: nothing that came later
ok: at the end: no message
ok: at the end: read
ok: at the end: the user is there
