--TEST--
a second session_regenerate_id() that fails in a handler class before its inner handler is called: the session is stored under the id that the browser has
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

ini_set('session.use_strict_mode', '1');
/* Fails in a method at its n-th call. */
$source = <<<'PHP'
class Fails extends SessionHandler
{
    public string $in = '';
    public int $calls = 0;
    public ?Closure $how = null;
    private ?object $inner = null;

    public function wrap(object $inner): void
    {
        $this->inner = $inner;
    }

    private function call(string $method, mixed ...$arguments): mixed
    {
        if ($method === $this->in && --$this->calls === 0) {
            $this->in = '';
            return ($this->how)();
        }
        return $this->inner ? $this->inner->$method(...$arguments) : parent::$method(...$arguments);
    }

    public function open($path, $name): bool
    {
        return $this->call('open', $path, $name);
    }

    public function read($id): string|false
    {
        return $this->call('read', $id);
    }

    public function write($id, $data): bool
    {
        return $this->call('write', $id, $data);
    }

    public function destroy($id): bool
    {
        return $this->call('destroy', $id);
    }

    public function close(): bool
    {
        return $this->call('close');
    }
}
PHP;
eval($source);
$handler = new Fails();
session_set_save_handler($handler);
$hows = [
    'throws' => fn () => throw new RuntimeException('no'),
    'returns false' => fn () => false,
];
$broken = [];
foreach ([false, true] as $wraps) {
    if ($wraps) {
        $handler->wrap(new RustRedis\SessionHandler());
    }
    foreach (['1', '0'] as $locking) {
        ini_set('rustredis.locking', $locking);
        foreach ([[true], [false], [true, false], [false, true], [true, true]] as $before) {
            foreach ([true, false] as $deletes) {
                foreach ($hows as $how => $fail) {
                    foreach (['', 'u'] as $user) {
                        if ($user !== '' && $wraps) {
                            continue;
                        }
                        start(new_id());
                        $_SESSION['n'] = 1;
                        $user === '' || rustredis_user($user);
                        session_write_close();
                        session_start();
                        foreach ($before as $i) {
                            session_regenerate_id($i);
                        }
                        [$browser, $done] = [session_id(), null];
                        [$handler->in, $handler->calls, $handler->how] = [$deletes ? 'destroy' : 'write', 1, $fail];
                        try {
                            $done = @session_regenerate_id($deletes);
                        } catch (RuntimeException) {
                        }
                        $stored = [redis()->get(data_key($browser)), is_locked($browser), rustredis_status()['locks']];
                        $sessions = $user === '' ? 1 : count(rustredis_user_sessions($user));
                        $goes_on = [session_start(), session_id() === $browser, $_SESSION];
                        $_SESSION['n'] = 2;
                        $saved = [session_write_close(), redis()->get(data_key($browser))];
                        session_start();
                        $ended = [session_destroy(), redis()->exists(data_key($browser))];
                        $found = [$done === true, $handler->in, $stored, $sessions, $goes_on, $saved, $ended];
                        $right = [false, '', ['n|i:1;', false, []], 1, [true, true, ['n' => 1]], [true, 'n|i:2;'], [true, 0]];
                        if ($found !== $right) {
                            $broken[] = json_encode([$wraps, $locking, $before, $deletes, $how, $user, $found]);
                        }
                    }
                }
            }
        }
    }
}
same('the second or third change', [], $broken);

// A logout stays one, and so does a session that was stored, or not stored yet under any id.
$handler = new Fails();
session_set_save_handler($handler);
$fail = function (bool $deletes) use ($handler, $hows): void {
    [$handler->in, $handler->calls, $handler->how] = [$deletes ? 'destroy' : 'write', 1, $hows['throws']];
    try {
        @session_regenerate_id($deletes);
    } catch (RuntimeException) {
    }
};
$log = temp_file('');
ini_set('error_log', $log);
foreach ([true, false] as $deletes) {
    $done = [];
    foreach (['emptied', 'stored', 'new'] as $what) {
        $id = new_id();
        $what === 'new' || store_session($id, ['n' => 1]);
        start($id);
        session_regenerate_id(true);
        if ($what === 'stored') {
            session_write_close();
            session_start();
        }
        $_SESSION = $what === 'emptied' ? [] : ['n' => 2];
        $fail($deletes);
        $done[$what] = redis()->get(data_key(session_id()));
    }
    same('a session', ['emptied' => null, 'stored' => 'n|i:1;', 'new' => null], $done);
}

// A value that cannot be stored, without a class.
$script = 'session_start(); session_regenerate_id(true); $id = session_id(); $_SESSION["f"] = fn () => 1; $done = null;
    try { $done = session_regenerate_id(); } catch (Exception) {} echo json_encode([$done, $id]);';
store_session($id = new_id(), ['n' => 1]);
$answer = (new CgiRequest($script, ['session.use_cookies' => '1', 'display_errors' => '0'],
    ['HTTP_COOKIE' => session_name() . "=$id"]))->answer();
[$done, $new] = json_decode($answer->body, true) ?? [null, ''];
same('a value that cannot be stored', [true, 'n|i:1;'], [$done !== true, redis()->get(data_key($new))]);

// A script that ends in the second change.
foreach (['exit' => 'exit(json_encode(session_id()));', 'a fatal error' => 'echo json_encode(session_id()); eval("class Fails {}");'] as $how => $ends) {
    foreach ([false, true] as $wraps) {
        $script = $source . ' $handler = new Fails(); session_set_save_handler($handler);'
            . ($wraps ? ' $handler->wrap(new RustRedis\SessionHandler());' : '')
            . " session_start(); session_regenerate_id(true); [\$handler->in, \$handler->calls] = ['destroy', 1];"
            . " \$handler->how = function () { $ends }; session_regenerate_id(true);";
        store_session($id = new_id(), ['n' => 1]);
        $answer = (new CgiRequest($script, ['session.use_cookies' => '1', 'display_errors' => '0'],
            ['HTTP_COOKIE' => session_name() . "=$id"]))->answer();
        $new = json_decode($answer->body, true) ?? '';
        same("$how, wraps: " . (int) $wraps, [true, 'n|i:1;', false], [$new !== $id, redis()->get(data_key($new)), is_locked($new)]);
    }
}
same('the log', '', file_get_contents($log));
--EXPECT--
ok: the second or third change
ok: a session
ok: a session
ok: a value that cannot be stored
ok: exit, wraps: 0
ok: exit, wraps: 1
ok: a fatal error, wraps: 0
ok: a fatal error, wraps: 1
ok: the log
