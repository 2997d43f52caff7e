--TEST--
a failed read behind a handler class that declares `: string` is an exception, keeps the id, and sends no cookie; elsewhere it is false and a warning
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$server = RedisServer::start();
$id = new_id();
$wrapper = <<<'PHP'
class Wraps implements SessionHandlerInterface, SessionUpdateTimestampHandlerInterface
{
    private SessionHandler $inner;
    private mixed $seen = null;
    public function __construct() { $this->inner = new SessionHandler(); }
    public function open(string $path, string $name): bool { return $this->inner->open($path, $name); }
    public function close(): bool { return $this->inner->close(); }
    private function inside(string $id)%s { return $this->inner->read($id); }
    public function validateId(string $id): bool { $this->seen = $this->inside($id); return $this->seen !== ''; }
    public function read(string $id): %s { return $this->seen ?? $this->inside($id); }
    public function write(string $id, string $data): bool { return $this->inner->write($id, $data); }
    public function updateTimestamp(string $id, string $data): bool { return $this->write($id, $data); }
    public function destroy(string $id): bool { return $this->inner->destroy($id); }
    public function gc(int $max): int|false { return $this->inner->gc($max); }
}
class MakesIds extends Wraps implements SessionIdInterface
{
    public function create_sid(): string { return 'made' . bin2hex(random_bytes(13)); }
}
PHP;
$script = <<<'PHP'
ini_set('display_errors', '0');
ini_set('error_log', getenv('LOG'));
session_set_save_handler(new (getenv('HANDLER')));
set_error_handler(getenv('IS_THROWN') ? fn ($level, $message) => getenv('IS_THROWN') === 'exit' ? exit('left') : throw new ErrorException($message) : null);
try {
    $got = json_encode(session_start());
} catch (Throwable $exception) {
    $got = implode(' < ', array_map(get_class(...), [$exception, ...array_filter([$exception->getPrevious()])]));
    if ($exception instanceof RustRedis\LockTimeoutException) {
        $got .= ' ' . json_encode($exception->getHolder());
    }
    $got .= ': ' . strtok($exception->getMessage(), ':');
}
echo trim($got . ' ' . session_id()), '; cookies ', ini_get('session.use_cookies');
PHP;
$log = temp_file('');
$hold = foreign_token();
$try = function (string $inside, string $outside, string $strict, string $path, string $handler = 'Wraps', string $throws = '') use ($wrapper, $script, $log, $id) {
    file_put_contents($log, '');
    $request = new CgiRequest(
        sprintf($wrapper, $inside, $outside) . $script,
        ['session.save_path' => $path, 'session.use_cookies' => '1', 'session.use_strict_mode' => $strict, 'rustredis.lock_wait' => '0.1', 'log_errors' => '1', 'output_buffering' => '65536'],
        ['HTTP_COOKIE' => "PHPSESSID=$id", 'LOG' => $log, 'HANDLER' => $handler, 'IS_THROWN' => $throws],
    );
    $answer = $request->answer();
    return [str_replace($id, 'ID', $answer->body), $answer->headers('Set-Cookie') !== [], substr_count(file_get_contents($log), 'rustredis: ')];
};
$down = 'tcp://127.0.0.1:' . free_port();
foreach (['1', '0'] as $strict) {
    foreach ([
        [': string', 'string|false', true],
        [': ?string', 'string|false', true],
        [': string|int', 'string|false', true],
        ['', 'string', true],
        ['', 'string|false', false],
        [': string|false', 'string|false', false],
        [': mixed', 'string|false', false],
    ] as [$inside, $outside, $throws]) {
        $expected = $throws ? ['RustRedis\ConnectionException: rustredis; cookies 1', false, 0] : ['false; cookies 1', false, 1];
        same("strict mode $strict: inside$inside, read(): $outside", $expected, $try($inside, $outside, $strict, $down));
    }
}
same('a class that makes ids', ['RustRedis\ConnectionException: rustredis; cookies 1', false, 0], $try(': string', 'string', '1', $down, 'MakesIds'));
same('an error handler that throws', ['ErrorException: SessionHandler; cookies 1', false, 0], $try(': string|false', 'string|false', '1', $down, 'Wraps', '1'));
same('and one behind a class that makes ids', ['ErrorException: SessionHandler; cookies 1', false, 0], $try(': string|false', 'string|false', '1', $down, 'MakesIds', '1'));
foreach (['Wraps', 'MakesIds'] as $handler) {
    same("an error handler that exits, behind $handler", ['left', false, 0], $try(': string|false', 'string|false', '1', $down, $handler, 'exit'));
}
$server->resp()->set(data_key($id), 'n|i:1;');
$server->resp()->set(lock_key($id), $hold, 'PX', 60000);
[$body, $cookie, $warnings] = $try(': string', 'string', '1', $server->save_path());
ok('the lock is taken', preg_match('~^RustRedis\\\\LockTimeoutException \{"host":"other-host","pid":4242,"sapi":"fpm-fcgi","held_ms":\d+\}: rustredis; cookies 1$~', $body) && !$cookie && !$warnings, $body, $cookie, $warnings);
same('it stays with its holder', $hold, $server->resp()->get(lock_key($id)));
$server->resp()->del(lock_key($id));
$server->resp()->acl('SETUSER', redis_user(), '-mget');
same('Redis refuses', ['RustRedis\RefusedException: rustredis; cookies 1', false, 0], $try(': string', 'string', '1', $server->save_path()));
same('no lock is left', 0, $server->resp()->exists(lock_key($id)));
$server->resp()->acl('SETUSER', redis_user(), '+mget');
same('and then it starts', ['true ID; cookies 1', false, 0], $try(': string', 'string', '1', $server->save_path()));
--EXPECT--
ok: strict mode 1: inside: string, read(): string|false
ok: strict mode 1: inside: ?string, read(): string|false
ok: strict mode 1: inside: string|int, read(): string|false
ok: strict mode 1: inside, read(): string
ok: strict mode 1: inside, read(): string|false
ok: strict mode 1: inside: string|false, read(): string|false
ok: strict mode 1: inside: mixed, read(): string|false
ok: strict mode 0: inside: string, read(): string|false
ok: strict mode 0: inside: ?string, read(): string|false
ok: strict mode 0: inside: string|int, read(): string|false
ok: strict mode 0: inside, read(): string
ok: strict mode 0: inside, read(): string|false
ok: strict mode 0: inside: string|false, read(): string|false
ok: strict mode 0: inside: mixed, read(): string|false
ok: a class that makes ids
ok: an error handler that throws
ok: and one behind a class that makes ids
ok: an error handler that exits, behind Wraps
ok: an error handler that exits, behind MakesIds
ok: the lock is taken
ok: it stays with its holder
ok: Redis refuses
ok: no lock is left
ok: and then it starts
