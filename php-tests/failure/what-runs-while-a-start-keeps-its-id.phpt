--TEST--
validateId() of a class fails, and code runs meanwhile that reads the session, changes its id, turns cookies off, or follows a fatal error: no cookie takes the browser's id away
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$script = <<<'PHP'
class Strict extends SessionHandler implements SessionUpdateTimestampHandlerInterface
{
    public function validateId(string $id): bool { return (bool) parent::read($id); }
    public function updateTimestamp(string $id, string $data): bool { return parent::write($id, $data); }
}
/* As Symfony's, it deletes the cookie first. */
class Deletes extends Strict
{
    public function destroy(string $id): bool { setcookie(session_name(), '', 1); return false; }
}
class Speaks extends Strict
{
    public function write(string $id, string $data): bool { echo 'writes '; return parent::write($id, $data); }
}
class Merges extends Strict
{
    public function write(string $id, string $data): bool { parent::read($id); return parent::write($id, $data); }
    public function gc(int $max): int|false { parent::read(session_id()); return 0; }
}
class Catches implements SessionHandlerInterface, SessionUpdateTimestampHandlerInterface
{
    protected RustRedis\SessionHandler $inner;
    public function __construct() { $this->inner = new RustRedis\SessionHandler(); }
    public function open(string $path, string $name): bool { return $this->inner->open($path, $name); }
    public function close(): bool { return $this->inner->close(); }
    public function read(string $id): string|false { return $this->inner->read($id); }
    public function write(string $id, string $data): bool { return $this->inner->write($id, $data); }
    public function destroy(string $id): bool { return $this->inner->destroy($id); }
    public function gc(int $max): int|false { return $this->inner->gc($max); }
    public function updateTimestamp(string $id, string $data): bool { return $this->inner->updateTimestamp($id, $data); }
    public function validateId(string $id): bool
    {
        try {
            return $this->inner->validateId($id);
        } catch (RustRedis\SessionException) {
            echo 'told ', json_encode($this->inner->{getenv('LOOKS') ?: 'isLocked'}($id)), ' ';
            return false;
        }
    }
}
class Answers extends Catches
{
    private bool $has_failed = false;
    public function validateId(string $id): bool
    {
        return $this->has_failed ? $this->inner->exists($id) : ($this->has_failed = true) && parent::validateId($id);
    }
}
/* The lock of another request becomes free. */
function free(): void
{
    $redis = stream_socket_client('tcp://127.0.0.1:' . getenv('PORT'));
    fwrite($redis, 'DEL ' . getenv('LOCK') . "\r\n");
    fgets($redis);
}
$class = getenv('HANDLER');
session_set_save_handler($handler = new $class(), false);
set_error_handler(function (int $number, string $message): bool {
    global $handler, $told;
    echo str_contains($message, 'rustredis: ') && !getenv('QUIET') ? 'told ' : '';
    $told++ || eval(getenv('MEANWHILE'));
    return true;
});
function start(): void
{
    try {
        echo json_encode(session_start());
    } catch (Throwable $error) {
        echo get_class($error);
    }
    eval(getenv('THEN'));
}
if (getenv('FATAL')) {
    register_shutdown_function('start');
    ini_set('display_errors', '0');
    ini_set('memory_limit', '16M');
    str_repeat('x', 1 << 28);
}
start();
PHP;
$ini = ['session.use_cookies' => '1', 'session.use_strict_mode' => '1', 'output_buffering' => '65536', 'rustredis.lock_wait' => '0.05'];
$server = RedisServer::start();
$cases = [
    'a read by hand' => ['Strict', ['MEANWHILE' => 'free(); $handler->read(session_id());']],
    'a class that asks if the session exists' => ['Catches', ['LOOKS' => 'exists']],
    'a class that shows it without a lock' => ['Catches', ['LOOKS' => 'peek']],
    'a class whose destroy() deletes the cookie and fails' => ['Deletes', ['MEANWHILE' => '@session_abort(); free(); session_start(); session_regenerate_id(true); session_write_close(); exit;']],
    'a class that reads in its write()' => ['Merges', ['MEANWHILE' => 'session_abort(); free(); session_start(); $_SESSION["n"] = 2; session_write_close();'], 'n|i:2;'],
    'a class that reads in its gc()' => ['Merges', ['MEANWHILE' => 'session_abort(); free(); session_start(); $_SESSION["n"] = 2; session_gc(); session_write_close();'], 'n|i:2;'],
    'after a fatal error' => ['Strict', ['FATAL' => '1']],
    'after a fatal error, an abort' => ['Strict', ['FATAL' => '1', 'MEANWHILE' => 'session_abort();']],
    'after a fatal error, another function' => ['Strict', ['FATAL' => '1', 'MEANWHILE' => '@session_encode();']],
    'cookies are turned off for another session' => ['Strict', ['MEANWHILE' => 'session_abort(); ini_set("session.use_cookies", "0"); session_id("' . new_id() . '"); session_start(["use_strict_mode" => 0]); session_write_close();']],
    'cookies are turned off for what follows' => ['Strict', ['MEANWHILE' => 'session_abort(); ini_set("session.use_cookies", "0");', 'THEN' => 'free(); session_id("' . new_id() . '"); session_start(["use_strict_mode" => 0]);']],
    'cookies are turned on' => ['Strict', ['MEANWHILE' => 'session_abort(); ini_set("session.use_cookies", "1");']],
];
foreach ($cases as $case => $what) {
    [$class, $env] = $what;
    store_session($id = new_id(), ['n' => 1], 1440, $server->resp());
    $server->resp()->set(lock_key($id), foreign_token(), 'PX', 30000);
    $request = new CgiRequest(
        $script,
        ['session.save_path' => $server->save_path()] + $ini,
        $env + ['HTTP_COOKIE' => "PHPSESSID=$id", 'HANDLER' => $class, 'PORT' => (string) $server->port, 'LOCK' => lock_key($id)],
    );
    $answer = $request->answer();
    ok("$case: it is told", str_contains($answer->body, 'told '), $answer->body);
    ok('the start fails', !str_ends_with($answer->body, 'true'), $answer->body);
    same('no other cookie', [], preg_grep("/PHPSESSID=$id;/", $answer->headers('Set-Cookie'), PREG_GREP_INVERT));
    same('what is stored', $what[2] ?? 'n|i:1;', $server->resp()->get(data_key($id)));
}

/* What a script says of the cookie counts. */
$server->resp()->set(lock_key($id = new_id()), foreign_token(), 'PX', 30000);
store_session($id, ['n' => 1], 1440, $server->resp());
$request = new CgiRequest(
    $script,
    ['session.save_path' => $server->save_path()] + $ini,
    [
        'HTTP_COOKIE' => "PHPSESSID=$id",
        'HANDLER' => 'Strict',
        'MEANWHILE' => 'session_abort(); free(); session_set_cookie_params(["httponly" => true, "samesite" => "Strict"]); session_start(); session_regenerate_id(); exit;',
        'PORT' => (string) $server->port,
        'LOCK' => lock_key($id),
    ],
);
$cookies = $request->answer()->headers('Set-Cookie');
ok('the attributes of the cookie are there', $cookies !== [] && preg_grep('/; HttpOnly; SameSite=Strict$/', $cookies, PREG_GREP_INVERT) === [], $cookies);

/* The setting may be any text that PHP takes for yes. */
$server->resp()->set(lock_key($id = new_id()), foreign_token(), 'PX', 30000);
store_session($id, ['n' => 1], 1440, $server->resp());
$request = new CgiRequest(
    "ini_set('session.use_cookies', 'On');\n$script",
    ['session.save_path' => $server->save_path()] + $ini,
    [
        'HTTP_COOKIE' => "PHPSESSID=$id",
        'HANDLER' => 'Strict',
        'MEANWHILE' => '',
        'THEN' => 'free(); session_id("' . ($next = new_id()) . '"); session_start(["use_strict_mode" => 0]);',
        'PORT' => (string) $server->port,
        'LOCK' => lock_key($id),
    ],
);
same('a later start sends its cookie', ["PHPSESSID=$next; path=/"], $request->answer()->headers('Set-Cookie'));

/* A class may find the session without a read. Its cookie is sent as in any start. */
foreach (['[]', '["read_and_close" => true]'] as $options) {
    $server->resp()->set(lock_key($id = new_id()), foreign_token(), 'PX', 30000);
    store_session($id, ['n' => 1], 1440, $server->resp());
    $request = new CgiRequest(
        str_replace("\nstart();", "\nsession_id(getenv('ID')); start();", $script),
        ['session.save_path' => $server->save_path()] + $ini,
        [
            'HANDLER' => 'Answers',
            'THEN' => "free(); session_id(getenv('ID')); echo json_encode([session_start($options), \$_SESSION]);",
            'ID' => $id,
            'PORT' => (string) $server->port,
            'LOCK' => lock_key($id),
        ],
    );
    $answer = $request->answer();
    ok('it starts', str_ends_with($answer->body, '[true,{"n":1}]'), $answer->body);
    same('it sends its cookie', ["PHPSESSID=$id; path=/"], $answer->headers('Set-Cookie'));
}

/* Output is held while the id changes, as in any other change. */
store_session($id = new_id(), ['n' => 1], 1440, $server->resp());
$server->resp()->set(lock_key($id), foreign_token(), 'PX', 30000);
$request = new CgiRequest(
    $script,
    ['session.save_path' => $server->save_path(), 'output_buffering' => '0'] + $ini,
    [
        'HTTP_COOKIE' => "PHPSESSID=$id",
        'HANDLER' => 'Speaks',
        'QUIET' => '1',
        'MEANWHILE' => '@session_abort(); free(); session_start(); session_regenerate_id(); $new = session_id(); session_write_close(); echo $new; exit;',
        'PORT' => (string) $server->port,
        'LOCK' => lock_key($id),
    ],
);
$answer = $request->answer();
$new = substr($answer->body, -32);
ok('output in a change of the id comes after its cookie', $answer->headers('Set-Cookie') !== [] && str_contains($answer->headers('Set-Cookie')[array_key_last($answer->headers('Set-Cookie'))], "PHPSESSID=$new;"), [$answer->body, $answer->headers('Set-Cookie')]);
--EXPECTREGEX--
(ok: [^\n]*\n?){55}
