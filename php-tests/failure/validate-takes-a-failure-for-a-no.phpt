--TEST--
a validateId() that takes a failed read for a no: the id stays, no cookie is sent, and no session starts
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$server = RedisServer::start();
$id = new_id();
$script = <<<'PHP'
function command(string $rights): void
{
    $redis = stream_socket_client('tcp://127.0.0.1:' . getenv('PORT'));
    fwrite($redis, 'ACL SETUSER ' . (ini_get('rustredis.username') ?: 'default') . " $rights\r\n");
    fgets($redis);
}
function refuse(): void { command('-@read -@write -@scripting'); }
/* Redis answers again as soon as the class has its answer. */
function putback(mixed $answer): mixed { command('+@all'); return $answer; }

abstract class Extend extends SessionHandler implements SessionUpdateTimestampHandlerInterface
{
    public function updateTimestamp(string $id, string $data): bool { return parent::write($id, $data); }
}
class Cast extends Extend
{
    public function validateId(string $id): bool { return (bool) putback(parent::read($id)); }
}
class Compares extends Extend
{
    public function validateId(string $id): bool { $found = putback(parent::read($id)); return $found !== '' && $found !== false; }
}
class IsQuiet extends Extend
{
    public function validateId(string $id): bool { return (bool) putback(@parent::read($id)); }
}
class Catches extends Extend
{
    private function found(string $id): string { return parent::read($id); }
    public function validateId(string $id): bool
    {
        try {
            return $this->found($id) !== '';
        } catch (RustRedis\SessionException) {
            return putback(false);
        }
    }
}
class MakesIds extends Cast
{
    public function create_sid(): string { return 'made' . bin2hex(random_bytes(13)); }
}
class Keeps extends Extend
{
    private mixed $found = null;
    public function validateId(string $id): bool { return (bool) $this->found = putback(parent::read($id)); }
    public function read(string $id): string|false { return (string) $this->found; }
}
class Hides extends Cast
{
    public function read(string $id): string|false
    {
        try {
            return (string) @parent::read($id);
        } catch (Exception) {
            return '';
        }
    }
}
class ReadsAgain extends Cast
{
    public function read(string $id): string|false { return parent::read($id) ?: parent::read($id); }
}
class Looks extends Extend
{
    public function validateId(string $id): bool { return (bool) putback(parent::read("other$id")); }
}
class Touches extends Extend
{
    public function validateId(string $id): bool { return parent::read($id) && (refuse() ?? putback(parent::updateTimestamp($id, 'n|i:1;'))); }
}
abstract class Inner implements SessionHandlerInterface, SessionIdInterface, SessionUpdateTimestampHandlerInterface
{
    public function __construct(protected SessionHandlerInterface $inner) {}
    abstract protected function ask(string $id): bool;
    public function validateId(string $id): bool { return $this->ask($id); }
    public function open(string $path, string $name): bool { return $this->inner->open($path, $name); }
    public function close(): bool { return $this->inner->close(); }
    public function read(string $id): string|false { return $this->inner->read($id); }
    public function write(string $id, string $data): bool { return $this->inner->write($id, $data); }
    public function updateTimestamp(string $id, string $data): bool { return $this->inner->write($id, $data); }
    public function destroy(string $id): bool { return $this->inner->destroy($id); }
    public function gc(int $max): int|false { return $this->inner->gc($max); }
    public function create_sid(): string { return $this->inner->create_sid(); }
}
class InnerReads extends Inner
{
    protected function ask(string $id): bool { return $this->inner->read($id) !== ''; }
}
class InnerExists extends Inner
{
    protected function ask(string $id): bool { return $this->inner->exists($id); }
}
trait TakesItForANo
{
    public function validateId(string $id): bool
    {
        try {
            return (bool) $this->ask($id);
        } catch (Exception) {
            return false;
        } finally {
            putback(null);
        }
    }
}
class InnerReadsAndCatches extends InnerReads { use TakesItForANo; }
class InnerExistsAndCatches extends InnerExists { use TakesItForANo; }
class InnerValidatesAndCatches extends Inner
{
    use TakesItForANo;
    protected function ask(string $id): bool { return $this->inner->validateId($id); }
}
class InnerLocksAndHides extends Inner
{
    use TakesItForANo;
    protected function ask(string $id): bool { return $this->inner->lock($id) ?? $this->inner->peek($id) !== null; }
    public function read(string $id): string|false
    {
        try {
            return $this->inner->read($id);
        } catch (Exception) {
            return '';
        }
    }
}
ob_start();
ini_set('display_errors', '0');
ini_set('error_log', '/dev/null');
set_error_handler(function ($level, $message) use (&$said) { error_reporting() & $level && $said[] = $message; return true; });
/* Starts the session behind this handler, and returns a text about what is not right. */
function start_behind(object $handler, array $options = []): string
{
    global $said;
    $id = getenv('ID');
    $said = [];
    session_set_save_handler($handler);
    try {
        $got = session_start($options);
    } catch (Exception $exception) {
        $got = false;
        $said[] = $exception->getMessage();
    }
    $cookies = preg_grep('/^Set-Cookie/i', headers_list());
    header_remove('Set-Cookie');
    $wrong = [];
    $got === false && session_status() === PHP_SESSION_NONE or $wrong[] = 'it has started';
    in_array(session_id(), ['', $id], true) or $wrong[] = 'another id';
    $cookies === [] or $wrong[] = 'a cookie';
    ini_get('session.use_cookies') === '1' or $wrong[] = 'cookies are off';
    preg_grep('/\brustredis: /', $said) or $wrong[] = 'nothing is said';
    session_abort();
    return implode(', ', $wrong) ?: 'all is right';
}
PHP;
$ini = ['session.save_path' => $server->save_path(), 'session.use_cookies' => '1', 'session.use_strict_mode' => '1', 'output_buffering' => '65536'];
$environment = ['PORT' => (string) $server->port, 'ID' => $id];
$server->resp()->set(data_key($id), 'n|i:1;');

$answer = (new CgiRequest($script . <<<'PHP'
    foreach (['Cast', 'Compares', 'IsQuiet', 'Catches', 'MakesIds', 'Keeps', 'Hides', 'Looks', 'Touches'] as $class) {
        session_id(getenv('ID'));
        $class === 'Touches' or refuse();
        echo "$class: ", start_behind(new $class()), "\n";
        putback(null);
    }
    foreach (['Cast', 'Hides', 'ReadsAgain'] as $class) {
        session_id(getenv('ID'));
        refuse();
        echo "$class, which only reads: ", start_behind(new $class(), ['read_and_close' => true]), "\n";
        putback(null);
    }
    session_id(getenv('ID'));
    refuse();
    echo 'ReadsAgain: ', start_behind(new ReadsAgain()), "\n";
    putback(null);
    foreach (['InnerReads', 'InnerExists', 'InnerReadsAndCatches', 'InnerExistsAndCatches', 'InnerValidatesAndCatches', 'InnerLocksAndHides'] as $class) {
        session_id(getenv('ID'));
        $inner = new RustRedis\SessionHandler();
        refuse();
        echo "$class: ", start_behind(new $class($inner)), "\n";
        putback(null);
    }
    session_id(getenv('ID'));
    session_set_save_handler(new Cast());
    echo 'Then it starts: ', json_encode([session_start(), session_id() === getenv('ID'), $_SESSION]), "\n";
    refuse();
    echo 'It is read again: ', @session_reset() ? json_encode([session_status() === PHP_SESSION_NONE, session_id() === getenv('ID')]) : '', "\n";
    putback(null);
    session_id(str_repeat('0', 32));
    echo 'An unknown id: ', json_encode([session_start(), session_id() !== str_repeat('0', 32), count(preg_grep('/^Set-Cookie/i', headers_list()))]), "\n";
    session_destroy();
    PHP, $ini, $environment))->answer();
echo $answer->body, "\n";
$server->resp()->acl('SETUSER', redis_user(), '+@all');
same('what is stored', 'n|i:1;', $server->resp()->get(data_key($id)));
same('no lock is left', 0, $server->resp()->exists(lock_key($id)));

foreach (['0', '1'] as $prefetch) {
    $server->resp()->acl('SETUSER', redis_user(), '-@read', '-@write', '-@scripting');
    $answer = (new CgiRequest(
        $script . 'echo start_behind(new Cast());',
        $ini + ['rustredis.prefetch' => $prefetch],
        $environment + ['HTTP_COOKIE' => "PHPSESSID=$id"],
    ))->answer();
    same("prefetch=$prefetch", ['all is right', []], [$answer->body, $answer->headers('Set-Cookie')]);
}
--EXPECT--
Cast: all is right
Compares: all is right
IsQuiet: all is right
Catches: all is right
MakesIds: all is right
Keeps: all is right
Hides: all is right
Looks: all is right
Touches: all is right
Cast, which only reads: all is right
Hides, which only reads: all is right
ReadsAgain, which only reads: all is right
ReadsAgain: all is right
InnerReads: all is right
InnerExists: all is right
InnerReadsAndCatches: all is right
InnerExistsAndCatches: all is right
InnerValidatesAndCatches: all is right
InnerLocksAndHides: all is right
Then it starts: [true,true,{"n":1}]
It is read again: [true,true]
An unknown id: [true,true,1]
ok: what is stored
ok: no lock is left
ok: prefetch=0
ok: prefetch=1
