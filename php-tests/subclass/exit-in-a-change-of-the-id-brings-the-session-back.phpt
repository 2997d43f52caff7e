--TEST--
exit() or a fatal error in session_regenerate_id(), after the parent's method: the next request has the session under its old id
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

const METHODS = [
    'open' => 'open(string $path, string $name): bool',
    'close' => 'close(): bool',
    'create_sid' => 'create_sid(): string',
    'read' => 'read(string $id): string|false',
    'write' => 'write(string $id, string $data): bool',
    'destroy' => 'destroy(string $id): bool',
];
const ENDS = [
    'exit' => 'exit(3);',
    'a fatal error' => 'trigger_error("no", E_USER_ERROR);',
    'a fiber that is left' => 'Fiber::suspend();',
];

/** A class that ends the script once in this method, after the parent's. */
function ends(string $method, string $end): string
{
    preg_match_all('/\$\w+/', METHODS[$method], $arguments);
    $arguments = implode(', ', $arguments[0]);
    return 'class Ends extends SessionHandler { public static bool $now = false; public function ' . METHODS[$method]
        . " { \$answer = parent::$method($arguments); if (self::\$now) { self::\$now = false; say('ends'); $end } return \$answer; } }";
}

foreach ([0, 1] as $deletes) {
    foreach (['open', 'close', 'create_sid', 'read', $deletes ? 'destroy' : 'write'] as $method) {
        foreach (ENDS as $name => $end) {
            if ($name === 'a fiber that is left' && in_array($method, ['open', 'create_sid'], true)) {
                // PHP has no id by then, and crashes when it saves the session, with any handler.
                continue;
            }
            $id = new_id();
            store_session($id, ['n' => 1]);
            $child = Child::run(ends($method, $end) . '
                session_set_save_handler(new Ends());
                start($argv[1]);
                $_SESSION["n"] = 2;
                Ends::$now = true;
                $fiber = new Fiber(fn () => session_regenerate_id((bool) $argv[2]));
                $argv[3] ? $fiber->start() : session_regenerate_id((bool) $argv[2]);',
                [$id, $deletes, (int) ($name === 'a fiber that is left')], ['session.use_strict_mode' => 1]);
            $output = $child->output();
            // After a fatal error, PHP saves a session once more that it still has under its old id.
            $stored = redis()->get(data_key($id));
            $is_stored = $stored === 'n|i:1;' || ($stored === 'n|i:2;' && $name === 'a fatal error');
            $is_read = start($id) && session_id() === $id && isset($_SESSION['n']);
            session_abort();
            same("$method(), $name, " . ($deletes ? 'true' : 'false'), [true, true, true, false],
                [str_contains($output, 'ends'), $is_stored ?: $stored, $is_read, is_locked($id)]);
        }
    }
}
--EXPECTREGEX--
(ok: \w+\(\), [ \w]+, (true|false)\n?){26}
