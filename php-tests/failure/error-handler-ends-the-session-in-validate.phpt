--TEST--
an error handler that ends the session as validateId() of a class cannot read it: no cookie with a new id, also if the session then starts there
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$script = <<<'PHP'
class Strict extends SessionHandler implements SessionUpdateTimestampHandlerInterface
{
    public function validateId(string $id): bool { return (bool) parent::read($id); }
    public function updateTimestamp(string $id, string $data): bool { return parent::write($id, $data); }
}
class Merges extends Strict
{
    public function write(string $id, string $data): bool { parent::read($id); return parent::write($id, $data); }
}
class Hangs extends Strict
{
    public function write(string $id, string $data): bool { Fiber::suspend(); return parent::write($id, $data); }
}
/* As in Symfony's, read() answers with what validateId() has read, once. */
class Remembers extends Strict
{
    private string|false|null $seen = null;
    public function validateId(string $id): bool { return (bool) $this->seen = $this->read($id); }
    public function read(string $id): string|false
    {
        [$seen, $this->seen] = [$this->seen, null];
        return $seen ?? parent::read($id);
    }
}
class Touches extends Strict
{
    public function validateId(string $id): bool { return (bool) parent::updateTimestamp($id, ''); }
}
/* The lock of another request becomes free. */
function free(): void
{
    global $freed;
    if (!$freed++ && getenv('PORT')) {
        $redis = stream_socket_client('tcp://127.0.0.1:' . getenv('PORT'));
        fwrite($redis, 'DEL ' . getenv('LOCK') . "\r\n");
        fgets($redis);
    }
}
$class = getenv('HANDLER') and session_set_save_handler($handler = new $class());
set_error_handler(function (int $number, string $message): bool {
    global $handler;
    echo str_contains($message, 'rustredis: ') ? 'told ' : '';
    eval(getenv('ENDS'));
    return true;
});
try {
    session_start();
} catch (Throwable) {
}
echo 'active: ', (int) (session_status() === PHP_SESSION_ACTIVE);
if (getenv('AGAIN')) {
    free();
    for ($n = 0; $n < 2; $n++) {
        echo ' ', json_encode([session_start(), $_SESSION ?? null]);
        session_write_close();
    }
}
PHP;
$ini = ['session.use_cookies' => '1', 'session.use_strict_mode' => '1', 'output_buffering' => '65536', 'rustredis.lock_wait' => '0.05'];
$port = free_port();
$ways = ['session_write_close();', 'session_abort();', 'session_destroy();', 'session_start();', 'session_abort(); session_start();', 'session_write_close(); exit;', 'session_abort(); throw new Exception();'];
foreach (['Strict', 'Touches', ''] as $class) {
    foreach ($ways as $ends) {
        $request = new CgiRequest(
            $script,
            ['session.save_path' => "tcp://127.0.0.1:$port"] + $ini,
            ['HTTP_COOKIE' => 'PHPSESSID=' . ($id = new_id()), 'HANDLER' => $class, 'ENDS' => $ends],
        );
        $answer = $request->answer();
        ok("$class, $ends is told", str_starts_with($answer->body, 'told ') && !str_contains($answer->body, 'active: 1'), $answer->body);
        same('no new cookie', [], preg_grep("/PHPSESSID=$id;/", $answer->headers('Set-Cookie'), PREG_GREP_INVERT));
    }
}

$server = RedisServer::start();
$ways = ['session_abort(); free(); session_start();', 'session_write_close(); free(); session_start(); exit;', 'session_abort(); free(); session_start(); session_write_close();', "session_abort(); session_start(['read_and_close' => true]);"];
foreach (['Strict', ''] as $class) {
    foreach ($ways as $ends) {
        store_session($id = new_id(), ['n' => 1], 1440, $server->resp());
        $server->resp()->set(lock_key($id), foreign_token(), 'PX', 30000);
        $request = new CgiRequest(
            $script,
            ['session.save_path' => $server->save_path()] + $ini,
            ['HTTP_COOKIE' => "PHPSESSID=$id", 'HANDLER' => $class, 'ENDS' => $ends, 'PORT' => (string) $server->port, 'LOCK' => lock_key($id)],
        );
        $answer = $request->answer();
        ok("$class, $ends is told", str_starts_with($answer->body, 'told '), $answer->body);
        same('no new cookie', [], preg_grep("/PHPSESSID=$id;/", $answer->headers('Set-Cookie'), PREG_GREP_INVERT));
        same('what is stored', 'n|i:1;', $server->resp()->get(data_key($id)));
    }
}

/* What starts there may change its id, and read itself. */
$replays = '@session_abort(); free(); echo json_encode([session_start(), session_regenerate_id(true), $handler->read(session_id())]); $_SESSION["n"] = 2; session_write_close(); echo " ", session_id(); exit;';
foreach ([['10', 'Strict'], ['0', 'Strict'], ['10', 'Merges']] as [$grace, $class]) {
    store_session($id = new_id(), ['n' => 1], 1440, $server->resp());
    $server->resp()->set(lock_key($id), foreign_token(), 'PX', 30000);
    $request = new CgiRequest(
        $script,
        ['session.save_path' => $server->save_path(), 'rustredis.regenerate_grace' => $grace] + $ini,
        ['HTTP_COOKIE' => "PHPSESSID=$id", 'HANDLER' => $class, 'ENDS' => $replays, 'PORT' => (string) $server->port, 'LOCK' => lock_key($id)],
    );
    $answer = $request->answer();
    $new = substr($answer->body, strrpos($answer->body, ' ') + 1);
    ok("$class, grace $grace: it has a new id", str_starts_with($answer->body, 'told [true,true,""] ') && $new !== $id, $answer->body);
    ok('its cookie is the last', str_contains($answer->headers('Set-Cookie')[array_key_last($answer->headers('Set-Cookie'))] ?? '', "PHPSESSID=$new;"), $answer->headers('Set-Cookie'));
    same('it is stored', ['n|i:2;', null], [$server->resp()->get(data_key($new)), $server->resp()->get(data_key($id))]);
}

/* A fiber may still be changing its id when the handler returns. */
foreach (['session_regenerate_id()', 'session_write_close()'] as $hangs) {
    store_session($id = new_id(), ['n' => 1], 1440, $server->resp());
    $server->resp()->set(lock_key($id), foreign_token(), 'PX', 30000);
    $request = new CgiRequest(
        $script,
        ['session.save_path' => $server->save_path()] + $ini,
        [
            'HTTP_COOKIE' => "PHPSESSID=$id",
            'HANDLER' => 'Hangs',
            'ENDS' => "session_abort(); free(); \$fiber = new Fiber(function () { session_start(); \$_SESSION['n'] = 2; $hangs; }); \$GLOBALS['fibers'][] = \$fiber; \$fiber->start();",
            'PORT' => (string) $server->port,
            'LOCK' => lock_key($id),
        ],
    );
    $answer = $request->answer();
    ok("$hangs on a fiber: is told", str_starts_with($answer->body, 'told '), $answer->body);
    same('no new cookie', [], preg_grep("/PHPSESSID=$id;/", $answer->headers('Set-Cookie'), PREG_GREP_INVERT));
}

/* The next start, which the class answers with what it remembers, does not know the id either. */
foreach (['Remembers' => '[false,[]] [true,{"n":1}]', 'Strict' => '[true,{"n":1}] [true,{"n":1}]'] as $class => $starts) {
    store_session($id = new_id(), ['n' => 1], 1440, $server->resp());
    $server->resp()->set(lock_key($id), foreign_token(), 'PX', 30000);
    $request = new CgiRequest(
        $script,
        ['session.save_path' => $server->save_path()] + $ini,
        ['HTTP_COOKIE' => "PHPSESSID=$id", 'HANDLER' => $class, 'ENDS' => 'session_abort();', 'AGAIN' => '1', 'PORT' => (string) $server->port, 'LOCK' => lock_key($id)],
    );
    $answer = $request->answer();
    ok("$class: the next starts", str_ends_with($answer->body, "active: 0 $starts"), $answer->body);
    same('no new cookie', [], preg_grep("/PHPSESSID=$id;/", $answer->headers('Set-Cookie'), PREG_GREP_INVERT));
    same('what is stored', 'n|i:1;', $server->resp()->get(data_key($id)));
}
--EXPECTREGEX--
(ok: [^\n]*\n?){85}
