--TEST--
a subclass that calls exit() in its callbacks: no crash, no lock left behind
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

foreach (['read' => 'parent::read($id); exit(3);', 'write' => 'parent::write($id, $data); exit(3);'] as $name => $body) {
    $id = new_id();
    store_session($id, ['n' => 1]);
    $child = Child::run('
        class Exits extends SessionHandler
        {
            ' . ($name === 'read' ? "public function read(string \$id): string|false { $body }" : "public function write(string \$id, string \$data): bool { $body }") . '
        }
        session_set_save_handler(new Exits());
        start($argv[1]);
        $_SESSION["n"] = 2;
        session_write_close();', [$id]);
    $output = $child->output();
    same("$name: its exit code", 3, $child->exit_code());
    same("$name: the lock is gone", false, is_locked($id));
}
--EXPECT--
ok: read: its exit code
ok: read: the lock is gone
ok: write: its exit code
ok: write: the lock is gone
