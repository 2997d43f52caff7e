--TEST--
an object that a worker keeps: nothing of a visitor's session goes to the next visitor, even if a class around the object answers a call of session_regenerate_id() by itself
--INI--
rustredis.absolute_timeout=1000
--FILE--
<?php
require __DIR__ . '/class.inc';

use RustRedis\SessionHandler;

/** Symfony's class answers the destroy of a session that is new, and Drupal's a write that changes nothing. */
final class Around implements SessionHandlerInterface, SessionUpdateTimestampHandlerInterface
{
    public bool $answers = false;

    public function __construct(private SessionHandler $handler)
    {
    }

    public function open(string $path, string $name): bool
    {
        return $this->handler->open($path, $name);
    }

    public function close(): bool
    {
        return $this->handler->close();
    }

    public function read(string $id): string
    {
        return $this->handler->read($id);
    }

    public function write(string $id, string $data): bool
    {
        return $this->answers || $this->handler->write($id, $data);
    }

    public function destroy(string $id): bool
    {
        return $this->answers || $this->handler->destroy($id);
    }

    public function gc(int $max): int|false
    {
        return $this->handler->gc($max);
    }

    public function validateId(string $id): bool
    {
        return $this->handler->validateId($id);
    }

    public function updateTimestamp(string $id, string $data): bool
    {
        return $this->answers || $this->handler->updateTimestamp($id, $data);
    }
}

/** A request that takes a new id, and what is known of the new session then: its age, its end, and its copy. */
function request(Around $around, string $id, bool $answers, bool $destroys): array
{
    session_id($id);
    session_start();
    $_SESSION['n'] = 1;
    $around->answers = $answers;
    session_regenerate_id($destroys);
    $around->answers = false;
    session_write_close();
    $state = explode('|', (string) redis()->get(side_key(session_id(), 'STATE')));
    return [(int) $state[1], (int) $state[4], $state[6]];
}

$now = (int) (microtime(true) * 1000);
[$created, $end] = [$now - 600_000, $now + 400_000];
foreach ([true, false] as $destroys) {
    foreach (['1', '0'] as $strict) {
        $name = ($destroys ? 'destroy()' : 'write()') . ", strict=$strict";
        ini_set('session.use_strict_mode', $strict);
        session_set_save_handler($around = new Around(new SessionHandler()), false);
        store_session($id = new_id(), ['a' => 1]);
        redis()->set(side_key($id, 'STATE'), "live|$created|||$end|$now|||", 'EX', 1000);
        $first = request($around, $id, false, $destroys);
        ok("$name: the first visitor's session goes on", array_slice($first, 0, 2) === [$created, $end] && str_ends_with($first[2], ":$id"), $first);
        $second = request($around, new_id(), true, $destroys);
        ok("$name: that of the second one is new", $second[0] >= $now && $second[1] > $end && $second[2] === '', $second);
    }
}
--EXPECT--
ok: destroy(), strict=1: the first visitor's session goes on
ok: destroy(), strict=1: that of the second one is new
ok: destroy(), strict=0: the first visitor's session goes on
ok: destroy(), strict=0: that of the second one is new
ok: write(), strict=1: the first visitor's session goes on
ok: write(), strict=1: that of the second one is new
ok: write(), strict=0: the first visitor's session goes on
ok: write(), strict=0: that of the second one is new
