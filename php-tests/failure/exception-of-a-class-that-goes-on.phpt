--TEST--
what a handler class makes of the exception of a failed read stays: an exit, an exception of its own; and later cookies are sent
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
$server = RedisServer::start();
$store = fn (string $id) => $server->resp()->set(data_key($id), 'n|i:1;');
$store($id);
$script = <<<'PHP'
class Wraps implements SessionHandlerInterface, SessionUpdateTimestampHandlerInterface
{
    protected SessionHandler $inner;
    protected ?string $seen = null;
    public function __construct() { $this->inner = new SessionHandler(); }
    public function open(string $path, string $name): bool { return $this->inner->open($path, $name); }
    public function close(): bool { return $this->inner->close(); }
    protected function failed(string $id, Throwable $failure): string { throw $failure; }
    public function validateId(string $id): bool
    {
        try {
            $this->seen = $this->inner->read($id);
        } catch (RustRedis\SessionException $failure) {
            $this->seen = $this->failed($id, $failure);
        }
        return $this->seen !== '';
    }
    public function read(string $id): string { return $this->seen ?? $this->inner->read($id); }
    public function write(string $id, string $data): bool { return $this->inner->write($id, $data); }
    public function updateTimestamp(string $id, string $data): bool { return $this->write($id, $data); }
    public function destroy(string $id): bool { return $this->inner->destroy($id); }
    public function gc(int $max): int|false { return $this->inner->gc($max); }
}
class Exits extends Wraps
{
    protected function failed(string $id, Throwable $failure): string { echo 'busy'; exit; }
}
class Converts extends Wraps
{
    protected function failed(string $id, Throwable $failure): string { throw new DomainException('no session', 503, $failure); }
}
class ConvertsAndMakesIds extends Converts implements SessionIdInterface
{
    public function create_sid(): string { return 'made' . bin2hex(random_bytes(13)); }
}
class Retries extends Wraps
{
    protected function failed(string $id, Throwable $failure): string { putback(); return $this->inner->read($id); }
}
function putback(): void
{
    $redis = stream_socket_client('tcp://127.0.0.1:' . getenv('PORT'));
    fwrite($redis, 'ACL SETUSER ' . (ini_get('rustredis.username') ?: 'default') . " +@all\r\n");
    fgets($redis);
}
function refuse(): void
{
    $redis = stream_socket_client('tcp://127.0.0.1:' . getenv('PORT'));
    fwrite($redis, 'ACL SETUSER ' . (ini_get('rustredis.username') ?: 'default') . " -@read -@write -@scripting\r\n");
    fgets($redis);
}
ob_start();
ini_set('display_errors', '0');
session_set_save_handler(new (getenv('HANDLER')));
$try = function (callable $what) {
    try {
        echo json_encode($what());
    } catch (Throwable $exception) {
        echo implode(' < ', array_map(get_class(...), [$exception, ...array_filter([$exception->getPrevious()])]));
    }
    echo '; cookies ', ini_get('session.use_cookies'), "\n";
};
PHP;
$try = function (string $handler, string $more, bool $sends = true) use ($script, $server, $id) {
    $request = new CgiRequest(
        $script . $more,
        ['session.save_path' => $server->save_path(), 'session.use_cookies' => '1', 'session.use_strict_mode' => '1'],
        ($sends ? ['HTTP_COOKIE' => "PHPSESSID=$id"] : []) + ['HANDLER' => $handler, 'PORT' => (string) $server->port, 'ID' => $id],
    );
    $answer = $request->answer();
    return [$answer->body, $answer->cookie()];
};
same('it exits', ['busy', null], $try('Exits', 'refuse(); $try(session_start(...)); echo "goes on";'));
foreach (['Converts', 'ConvertsAndMakesIds'] as $handler) {
    same($handler, ['DomainException < RustRedis\RefusedException; cookies 1', null], $try($handler, 'refuse(); $try(session_start(...));'));
}
$server->resp()->acl('SETUSER', redis_user(), '+@all');
same('it tries again', ['true; cookies 1', null], $try('Retries', 'refuse(); $try(session_start(...));'));
same('under an id of the script', ['true; cookies 1', $id], $try('Retries', 'refuse(); session_id(getenv("ID")); $try(session_start(...));', false));
[$body, $cookie] = $try('Wraps', <<<'PHP'
    $try(session_start(...));
    refuse();
    $try(session_create_id(...));
    putback();
    $try(session_regenerate_id(...));
    echo session_id();
    PHP);
same('session_create_id() fails, then the id changes', "true; cookies 1\nRustRedis\RefusedException; cookies 1\ntrue; cookies 1\n$cookie", $body);
ok('its cookie is sent', $cookie !== null && $cookie !== $id);
[$body, $cookie] = $try('Wraps', <<<'PHP'
    $try(session_start(...));
    refuse();
    $try(session_regenerate_id(...));
    putback();
    session_id('');
    $try(session_start(...));
    echo session_id();
    PHP);
ok('session_regenerate_id() fails, then a session starts', str_ends_with($body, "true; cookies 1\n$cookie"), $body, $cookie);
--EXPECT--
ok: it exits
ok: Converts
ok: ConvertsAndMakesIds
ok: it tries again
ok: under an id of the script
ok: session_create_id() fails, then the id changes
ok: its cookie is sent
ok: session_regenerate_id() fails, then a session starts
