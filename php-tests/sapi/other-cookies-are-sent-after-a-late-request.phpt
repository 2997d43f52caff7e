--TEST--
php -S: the cookie of another application's session is sent after a late request, and a name of any form is taken back
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

/** The names and values of the cookies of an answer. */
function cookies(HttpAnswer $answer): array
{
    return array_map(fn ($line) => substr(strtok($line, ';'), strlen('Set-Cookie: ')), $answer->headers('Set-Cookie'));
}

$code = 'class InMemory implements SessionHandlerInterface {
    public function open(string $path, string $name): bool { return true; }
    public function close(): bool { return true; }
    public function read(string $id): string|false { return ""; }
    public function write(string $id, string $data): bool { return true; }
    public function destroy(string $id): bool { return true; }
    public function gc(int $max): int|false { return 0; }
}
switch ($_GET["case"]) {
    case "login": session_start(); session_regenerate_id(true); break;
    case "late": session_start(); session_write_close(); session_start(); break;
    case "other, then": session_start(); session_write_close(); session_id(""); /* goes on */
    case "other": session_set_save_handler(new InMemory()); session_start(); break;
}
echo "ok";';
foreach (['PHPSESSID', 'app:sid', 'a/b@c'] as $name) {
    foreach (['', 'class Own extends SessionHandler {} session_set_save_handler(new Own);'] as $handler) {
        $port = php_server($handler . $code, ['session.use_cookies' => 1, 'session.use_strict_mode' => 0, 'session.name' => $name]);
        $id = new_id();
        store_session($id, ['n' => 1]);
        $get = fn ($case, $cookie) => cookies(http_get($port, '/?case=' . rawurlencode($case), $cookie ? ['Cookie' => "$name=$id"] : []));
        $get('login', true);
        $which = $name . ($handler ? ', a class' : '');
        same("$which: a late request", [], $get('late', true));
        same("$which: another application's visitor", 1, count($get('other', false)));
        same("$which: both in one request", 1, count($get('other, then', true)));
        same("$which: and after that", 1, count($get('other', false)));
    }
}
--EXPECTREGEX--
(ok: [^\n]*\n?){24}
