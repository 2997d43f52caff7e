--TEST--
a handler class that deletes the cookie before it destroys the session, as Symfony's does: where session_regenerate_id() is refused, the browser keeps its id
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

const PAGE = <<<'PHP'
final class Deleting implements SessionHandlerInterface, SessionUpdateTimestampHandlerInterface
{
    public function __construct(private SessionHandlerInterface $handler)
    {
    }

    public function destroy(string $id): bool
    {
        setcookie(session_name(), '');
        return $this->handler->destroy($id);
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
        return $this->handler->write($id, $data);
    }

    public function gc(int $max): int|false
    {
        return $this->handler->gc($max);
    }

    public function validateId(string $id): bool
    {
        return true;
    }

    public function updateTimestamp(string $id, string $data): bool
    {
        return $this->handler->write($id, $data);
    }
}

session_set_save_handler(new Deleting($_GET['class'] === 'own' ? new RustRedis\SessionHandler() : new SessionHandler()));
session_start();
$refuse_writes = function (): void {
    $redis = stream_socket_client('tcp://127.0.0.1:' . $_GET['redis']);
    fwrite($redis, "CONFIG SET min-replicas-to-write 1\r\n");
    fgets($redis);
};
switch ($_GET['case']) {
    case 'not storable':
        $_SESSION['closure'] = fn () => 1;
        break;
    case 'no master':
        $refuse_writes();
        break;
    case 'the page deletes it':
        setcookie('PHPSESSID', '');
        $_SESSION['closure'] = fn () => 1;
        break;
    case 'logout':
        $refuse_writes();
        $_SESSION = [];
        break;
}
setcookie('theme', 'dark');
try {
    echo @session_regenerate_id(true) ? 'done' : 'refused';
} catch (RustRedis\SessionException) {
    echo 'refused';
}
session_abort();
PHP;

$server = RedisServer::start();
$port = php_server(PAGE, ['session.use_cookies' => 1, 'session.use_strict_mode' => 1, 'session.save_path' => $server->save_path(), 'display_errors' => 0]);
foreach (['own', "PHP's"] as $class) {
    foreach (['not storable', 'no master', 'the page deletes it', 'logout', 'not refused'] as $case) {
        $id = new_id();
        $server->resp()->set(data_key($id), 'n|i:1;');
        $query = http_build_query(['class' => $class, 'case' => $case, 'redis' => $server->port]);
        $answer = http_get($port, "/?$query", ['Cookie' => "PHPSESSID=$id"]);
        $server->resp()->config('set', 'min-replicas-to-write', 0);
        $cookies = array_map(fn ($line) => preg_replace('/=[0-9a-zA-Z,-]{22,}/', '=ID', strtok($line, ';')), $answer->headers('Set-Cookie'));
        echo "$class class, $case: $answer->body, ", implode(' ', $cookies), ', ', $server->resp()->get(data_key($id)) === null ? 'moved' : 'stored', "\n";
    }
}
--EXPECT--
own class, not storable: refused, theme=dark, stored
own class, no master: refused, theme=dark, stored
own class, the page deletes it: refused, PHPSESSID=deleted theme=dark PHPSESSID=deleted, stored
own class, logout: refused, theme=dark PHPSESSID=deleted, stored
own class, not refused: done, theme=dark PHPSESSID=ID, moved
PHP's class, not storable: refused, theme=dark, stored
PHP's class, no master: refused, theme=dark, stored
PHP's class, the page deletes it: refused, PHPSESSID=deleted theme=dark PHPSESSID=deleted, stored
PHP's class, logout: refused, theme=dark PHPSESSID=deleted, stored
PHP's class, not refused: done, theme=dark PHPSESSID=ID, moved
