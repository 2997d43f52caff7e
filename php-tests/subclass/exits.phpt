--TEST--
a subclass that calls exit() in any of its callbacks, before or after the native one: no crash, no lock left behind
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

const CALLBACKS = [
    'open' => 'open(string $path, string $name): bool',
    'create_sid' => 'create_sid(): string',
    'validateId' => 'validateId(string $id): bool',
    'read' => 'read(string $id): string|false',
    'updateTimestamp' => 'updateTimestamp(string $id, string $data): bool',
    'write' => 'write(string $id, string $data): bool',
    'destroy' => 'destroy(string $id): bool',
    'gc' => 'gc(int $max_lifetime): int|false',
    'close' => 'close(): bool',
];

/** A class whose callback of this name exits. */
function exits(string $name, bool $native_first): string
{
    preg_match_all('/\$\w+/', CALLBACKS[$name], $arguments);
    $arguments = implode(', ', $arguments[0]);
    // SessionHandler has neither of the two.
    $native = ['validateId' => 'true', 'updateTimestamp' => "parent::write($arguments)"][$name] ?? "parent::$name($arguments)";
    $other = array_diff_key(['validateId' => 'return true;', 'updateTimestamp' => 'return parent::write($id, $data);'], [$name => 0]);
    $methods = array_map(fn ($other, $body) => 'public function ' . CALLBACKS[$other] . " { $body }", array_keys($other), $other);
    $methods[] = 'public function ' . CALLBACKS[$name] . ' { ' . ($native_first ? "$native; " : '') . 'say("exits"); exit(3); }';
    return 'class Exits extends SessionHandler implements SessionUpdateTimestampHandlerInterface { ' . implode(' ', $methods) . ' }';
}

foreach (array_keys(CALLBACKS) as $name) {
    foreach ([false, true] as $native_first) {
        $id = new_id();
        store_session($id, ['n' => 1]);
        $child = Child::run(exits($name, $native_first) . '
            session_set_save_handler(new Exits());
            start($argv[1]);
            $_SESSION["n"] += ' . ($name === 'updateTimestamp' ? 0 : 1) . ';
            if ($argv[2] === "create_sid") session_regenerate_id();
            if ($argv[2] === "destroy") session_destroy();
            if ($argv[2] === "gc") session_gc();
            session_write_close();', [$id, $name], ['session.use_strict_mode' => 1]);
        $output = $child->output();
        $when = $native_first ? 'after' : 'before';
        ok("$name, $when: it exits", str_contains($output, 'exits'), $output);
        // PHP itself makes an error of an exit in create_sid.
        same("$name, $when: its exit code", $name === 'create_sid' ? 255 : 3, $child->exit_code());
        same("$name, $when: the lock is gone", false, is_locked($id));
    }
}
--EXPECTREGEX--
(ok: \w+, (before|after): (it exits|its exit code|the lock is gone)\n?){54}
