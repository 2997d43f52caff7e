--TEST--
session_regenerate_id() that fails in any method of a handler class, after the inner handler has moved the session: the session is under its id as before
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

ini_set('session.use_strict_mode', '1');

class Fails implements SessionHandlerInterface, SessionIdInterface, SessionUpdateTimestampHandlerInterface
{
    public string $in = '';
    public ?Closure $how = null;

    public function __construct(private object $inner)
    {
    }

    private function pass(string $method, mixed $answer): mixed
    {
        if ($method !== $this->in) {
            return $answer;
        }
        $this->in = '';
        return ($this->how)($answer);
    }

    public function open(string $path, string $name): bool
    {
        return $this->pass('open', $this->inner->open($path, $name));
    }

    public function validateId(string $id): bool
    {
        return $this->pass('validateId', $this->inner->read($id) !== '');
    }

    public function read(string $id): string|false
    {
        return $this->pass('read', $this->inner->read($id));
    }

    public function write(string $id, string $data): bool
    {
        return $this->pass('write', $this->inner->write($id, $data));
    }

    public function updateTimestamp(string $id, string $data): bool
    {
        return $this->inner->write($id, $data);
    }

    public function destroy(string $id): bool
    {
        return $this->pass('destroy', $this->inner->destroy($id));
    }

    public function gc(int $max_lifetime): int|false
    {
        return $this->inner->gc($max_lifetime);
    }

    public function close(): bool
    {
        return $this->pass('close', $this->inner->close());
    }

    public function create_sid(): string
    {
        return $this->pass('create_sid', $this->inner->create_sid());
    }
}

$hows = [
    'throws' => function () {
        throw new RuntimeException('no');
    },
    'raises what the error handler throws for' => function () {
        set_error_handler(function () {
            restore_error_handler();
            throw new RuntimeException('no');
        });
        trigger_error('a notice');
    },
    'returns false' => fn () => false,
];
foreach ([new RustRedis\SessionHandler(), new SessionHandler()] as $inner) {
    $handler = new Fails($inner);
    session_set_save_handler($handler);
    $name = get_class($inner);
    foreach ([false, true] as $deletes) {
        foreach (['open', 'close', 'create_sid', 'validateId', 'read', $deletes ? 'destroy' : 'write'] as $method) {
            foreach ($hows as $how => $fail) {
                if ($how === 'returns false' && in_array($method, ['close', 'create_sid', 'validateId'], true)) {
                    // PHP takes no notice of the first and the last, and the other one must be a string.
                    continue;
                }
                $id = new_id();
                store_session($id, ['n' => 1]);
                start($id);
                $_SESSION['n'] = 2;
                [$handler->in, $handler->how, $done] = [$method, $fail, null];
                try {
                    $done = @session_regenerate_id($deletes);
                } catch (Throwable $exception) {
                }
                $broken = [];
                if ($handler->in !== '' || $done === true || session_status() === PHP_SESSION_ACTIVE) {
                    $broken[] = 'it did not fail';
                }
                $handler->in = '';
                if (redis()->get(data_key($id)) !== 'n|i:1;' || redis()->exists(side_key($id, 'OLD')) !== 0) {
                    $broken[] = 'it is not as it was: ' . redis()->get(data_key($id));
                }
                if (redis()->ttl(data_key($id)) < 1400) {
                    $broken[] = 'it has a life of ' . redis()->ttl(data_key($id));
                }
                if (is_locked($id) || rustredis_status()['locks'] !== []) {
                    $broken[] = 'a lock is left';
                }
                // The visitor's next request.
                if (!start($id) || session_id() !== $id || $_SESSION !== ['n' => 1]) {
                    $broken[] = 'the next request does not have it';
                }
                $_SESSION['n'] = 3;
                session_write_close();
                if (redis()->get(data_key($id)) !== 'n|i:3;') {
                    $broken[] = 'the next request does not save it';
                }
                same("$name: $method() $how, " . ($deletes ? 'true' : 'false'), [], $broken);
            }
        }
    }
}

// The metadata comes back, too.
foreach ([false, true] as $deletes) {
    $id = new_id();
    start($id);
    $id = session_id();
    $_SESSION['n'] = 1;
    rustredis_session_lifetime(500);
    rustredis_user("user of $id");
    session_write_close();
    start($id);
    [$handler->in, $handler->how] = [$deletes ? 'destroy' : 'write', $hows['throws']];
    try {
        @session_regenerate_id($deletes);
    } catch (RuntimeException) {
    }
    $ttl = redis()->ttl(data_key($id));
    start($id);
    same('the life and the user', [true, "n|i:1;", true], [$ttl > 400 && $ttl <= 500, session_encode(), session_id() === $id]);
    $sessions = rustredis_user_sessions("user of $id");
    same('the list of the user', [1, true], [count($sessions), $sessions[0]['current'] ?? null]);
    session_destroy();
}

// A logout stays one, and so does a session that another request has moved.
$id = new_id();
store_session($id, ['n' => 1]);
start($id);
$_SESSION = [];
[$handler->in, $handler->how] = ['write', $hows['throws']];
try {
    @session_regenerate_id();
} catch (RuntimeException) {
}
same('an emptied session', null, redis()->get(data_key($id)));
$id = new_id();
store_session($id, ['n' => 1]);
Child::run('start($argv[1]); session_regenerate_id();', [$id])->output();
start($id);
[$handler->in, $handler->how] = ['write', $hows['throws']];
try {
    @session_regenerate_id();
} catch (RuntimeException) {
}
same('a late request', [null, 'n|i:1;'], [redis()->get(data_key($id)), redis()->get(side_key($id, 'OLD'))]);
// A session that a late request makes of the copy is the only one that goes on.
$next = function (Child $child): array {
    $line = explode(' ', $child->line());
    return [$line[0] === '1', $line[1] ?? null];
};
$late = 'start($argv[1]); say("read"); hear(); $done = @session_regenerate_id(); $next = session_id();'
    . ' session_write_close(); say("$done $next"); hear();';
$log = temp_file('');
ini_set('error_log', $log);
foreach (['before it', 'after it'] as $moves) {
    $id = new_id();
    store_session($id, ['n' => 1]);
    start($id);
    [$child, $answer] = [null, null];
    [$handler->in, $handler->how] = ['read', function () use ($late, $id, $moves, $next, &$child, &$answer) {
        $child = Child::run($late, [$id]);
        $child->line();
        if ($moves === 'before it') {
            $child->tell('go');
            $answer = $next($child);
        }
        throw new RuntimeException('no');
    }];
    try {
        @session_regenerate_id();
    } catch (RuntimeException) {
    }
    if ($moves === 'after it') {
        $child->tell('go');
        $answer = $next($child);
    }
    [$done, $new] = $answer;
    $lives = fn (string $id): bool => redis()->exists(data_key($id)) === 1;
    same("a late request that moves $moves", $moves === 'before it', $done);
    same("the sessions, $moves", [!$done, $done], [$lives($id), $new !== $id && $lives($new)]);
    $child->tell('end');
}
same('the log', 1, substr_count(file_get_contents($log), 'cannot be brought back'));
ini_restore('error_log');
// A move that is completed.
$id = new_id();
store_session($id, ['n' => 1]);
start($id);
[$handler->in, $handler->how] = ['close', $hows['returns false']];
same('close() returns false', true, session_regenerate_id());
session_write_close();
same('the old id', [null, 'n|i:1;'], [redis()->get(data_key($id)), redis()->get(side_key($id, 'OLD'))]);
--EXPECTREGEX--
(ok: ((RustRedis\\)?SessionHandler: \w+\(\) [ \w]+, (true|false)|the life and the user|the list of the user|an emptied session|a late request( that moves \w+ it)?|the sessions, \w+ it|the log|close\(\) returns false|the old id)\n?){73}
