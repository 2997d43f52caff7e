--TEST--
php -S: a request that comes under the old id of a session never sends that id as a cookie, however often it starts the session
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

const STARTS = [
    'once' => 'session_start();',
    'again' => 'session_start(); session_write_close(); session_start();',
    'read first' => 'session_start(["read_and_close" => true]); session_start();',
    'after an abort' => 'session_start(); session_abort(); session_start();',
    'under an id of its own' => 'session_id($_COOKIE["PHPSESSID"]); session_start();',
    'only read' => 'session_id($_COOKIE["PHPSESSID"]); session_start(["read_and_close" => true]);',
    'reset' => 'session_start(); session_reset(); session_commit(); session_start();',
    'another cookie' => 'setcookie("PHPSESSID2", "x"); setcookie("theme", "dark"); session_start(); session_commit(); session_start();',
];

function cookies(HttpAnswer $answer): array
{
    return array_map(fn ($line) => strtok($line, ';'), $answer->headers('Set-Cookie'));
}

$cases = implode('', array_map(fn ($name, $code) => "case '$name': $code break;", array_keys(STARTS), STARTS));
$code = "switch (\$_GET['case']) { case 'login': session_start(); session_regenerate_id(true); \$_SESSION['user'] = 7; break; $cases }"
    . ' echo json_encode($_SESSION);';
$other_ids = 'class OtherIds extends SessionHandler {
    public function read(string $id): string|false { return parent::read("of-$id"); }
    public function write(string $id, string $data): bool { return parent::write("of-$id", $data); }
    public function destroy(string $id): bool { return parent::destroy("of-$id"); }
}
session_set_save_handler(new OtherIds());';
$wrapper = 'class WrapsIds implements SessionHandlerInterface {
    public function __construct(private RustRedis\SessionHandler $inner = new RustRedis\SessionHandler) {}
    public function open(string $path, string $name): bool { return $this->inner->open($path, $name); }
    public function close(): bool { return $this->inner->close(); }
    public function read(string $id): string|false { return $this->inner->read("of-$id"); }
    public function write(string $id, string $data): bool { return $this->inner->write("of-$id", $data); }
    public function destroy(string $id): bool { return $this->inner->destroy("of-$id"); }
    public function gc(int $max): int|false { return 0; }
}
session_set_save_handler(new WrapsIds());';
$strict_wrapper = 'class Strict extends WrapsIds implements SessionUpdateTimestampHandlerInterface {
    private $seen = [];
    public function __construct(private RustRedis\SessionHandler $inner = new RustRedis\SessionHandler) {}
    public function open(string $path, string $name): bool { return true; }
    public function validateId(string $id): bool { return ($this->seen[$id] = $this->inner->read($id)) !== ""; }
    public function read(string $id): string|false { return $this->seen[$id] ?? $this->inner->read($id); }
    public function write(string $id, string $data): bool { $this->seen = []; return $this->inner->write($id, $data); }
    public function updateTimestamp(string $id, string $data): bool { $this->seen = []; return $this->inner->updateTimestamp($id, $data); }
    public function destroy(string $id): bool { return $this->inner->destroy($id); }
    public function close(): bool { $this->seen = []; return $this->inner->close(); }
}
session_set_save_handler(new Strict());';
$handlers = ['php.ini' => '', 'the class' => 'session_set_save_handler(new RustRedis\SessionHandler());', 'a class with other ids' => $other_ids, 'a wrapper with other ids' => $wrapper, 'a wrapper that reads to validate' => $wrapper . $strict_wrapper];
foreach ([['1', 'php.ini'], ['0', 'php.ini'], ['1', 'the class'], ['0', 'the class'], ['0', 'a class with other ids'], ['0', 'a wrapper with other ids'], ['1', 'a wrapper that reads to validate'], ['0', 'a wrapper that reads to validate']] as [$strict, $handler]) {
    $port = php_server($handlers[$handler] . $code, ['session.use_cookies' => 1, 'session.use_strict_mode' => $strict]);
    $id = new_id();
    store_session(str_ends_with($handler, 'with other ids') ? "of-$id" : $id, ['n' => 1]);
    $living = http_get($port, '/?case=again', ['Cookie' => "PHPSESSID=$id"]);
    same("$handler, strict=$strict: a living session's cookie is PHP's matter", 1, preg_match("/PHPSESSID=$id/", implode(' ', cookies($living))));
    http_get($port, '/?case=login', ['Cookie' => "PHPSESSID=$id"]);
    foreach (array_keys(STARTS) as $case) {
        $late = http_get($port, '/?case=' . rawurlencode($case), ['Cookie' => "PHPSESSID=$id"]);
        same("$handler, strict=$strict: $case", ['{"n":1}', $case === 'another cookie' ? ['PHPSESSID2=x', 'theme=dark'] : []], [$late->body, cookies($late)]);
    }
}
--EXPECT--
ok: php.ini, strict=1: a living session's cookie is PHP's matter
ok: php.ini, strict=1: once
ok: php.ini, strict=1: again
ok: php.ini, strict=1: read first
ok: php.ini, strict=1: after an abort
ok: php.ini, strict=1: under an id of its own
ok: php.ini, strict=1: only read
ok: php.ini, strict=1: reset
ok: php.ini, strict=1: another cookie
ok: php.ini, strict=0: a living session's cookie is PHP's matter
ok: php.ini, strict=0: once
ok: php.ini, strict=0: again
ok: php.ini, strict=0: read first
ok: php.ini, strict=0: after an abort
ok: php.ini, strict=0: under an id of its own
ok: php.ini, strict=0: only read
ok: php.ini, strict=0: reset
ok: php.ini, strict=0: another cookie
ok: the class, strict=1: a living session's cookie is PHP's matter
ok: the class, strict=1: once
ok: the class, strict=1: again
ok: the class, strict=1: read first
ok: the class, strict=1: after an abort
ok: the class, strict=1: under an id of its own
ok: the class, strict=1: only read
ok: the class, strict=1: reset
ok: the class, strict=1: another cookie
ok: the class, strict=0: a living session's cookie is PHP's matter
ok: the class, strict=0: once
ok: the class, strict=0: again
ok: the class, strict=0: read first
ok: the class, strict=0: after an abort
ok: the class, strict=0: under an id of its own
ok: the class, strict=0: only read
ok: the class, strict=0: reset
ok: the class, strict=0: another cookie
ok: a class with other ids, strict=0: a living session's cookie is PHP's matter
ok: a class with other ids, strict=0: once
ok: a class with other ids, strict=0: again
ok: a class with other ids, strict=0: read first
ok: a class with other ids, strict=0: after an abort
ok: a class with other ids, strict=0: under an id of its own
ok: a class with other ids, strict=0: only read
ok: a class with other ids, strict=0: reset
ok: a class with other ids, strict=0: another cookie
ok: a wrapper with other ids, strict=0: a living session's cookie is PHP's matter
ok: a wrapper with other ids, strict=0: once
ok: a wrapper with other ids, strict=0: again
ok: a wrapper with other ids, strict=0: read first
ok: a wrapper with other ids, strict=0: after an abort
ok: a wrapper with other ids, strict=0: under an id of its own
ok: a wrapper with other ids, strict=0: only read
ok: a wrapper with other ids, strict=0: reset
ok: a wrapper with other ids, strict=0: another cookie
ok: a wrapper that reads to validate, strict=1: a living session's cookie is PHP's matter
ok: a wrapper that reads to validate, strict=1: once
ok: a wrapper that reads to validate, strict=1: again
ok: a wrapper that reads to validate, strict=1: read first
ok: a wrapper that reads to validate, strict=1: after an abort
ok: a wrapper that reads to validate, strict=1: under an id of its own
ok: a wrapper that reads to validate, strict=1: only read
ok: a wrapper that reads to validate, strict=1: reset
ok: a wrapper that reads to validate, strict=1: another cookie
ok: a wrapper that reads to validate, strict=0: a living session's cookie is PHP's matter
ok: a wrapper that reads to validate, strict=0: once
ok: a wrapper that reads to validate, strict=0: again
ok: a wrapper that reads to validate, strict=0: read first
ok: a wrapper that reads to validate, strict=0: after an abort
ok: a wrapper that reads to validate, strict=0: under an id of its own
ok: a wrapper that reads to validate, strict=0: only read
ok: a wrapper that reads to validate, strict=0: reset
ok: a wrapper that reads to validate, strict=0: another cookie
