--TEST--
prefetch and a page that sets a save handler of its own, or reads by an object: the lock that was asked for is given back
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$port = php_server('
    if ($_SERVER["REQUEST_URI"] === "/own") {
        session_set_save_handler(new class implements SessionHandlerInterface {
            public function open($path, $name): bool { return true; }
            public function close(): bool { return true; }
            public function read($id): string { return "n|i:70;"; }
            public function write($id, $data): bool { return true; }
            public function destroy($id): bool { return true; }
            public function gc($age): int { return 0; }
            // PHP 8.6 wants these two as well.
            public function create_sid(): string { return session_create_id(); }
            public function validateId($id): bool { return true; }
        });
    }
    if ($_SERVER["REQUEST_URI"] === "/subclass") {
        session_set_save_handler(new class extends SessionHandler {});
    }
    if ($_SERVER["REQUEST_URI"] === "/object") {
        session_set_save_handler(new RustRedis\SessionHandler());
    }
    session_start();
    $_SESSION["n"]++;
    echo $_SESSION["n"];
', ['session.use_cookies' => 1, 'rustredis.prefetch' => 1, 'rustredis.lock_lease' => 60]);
$id = new_id();
store_session($id, ['n' => 0]);
foreach (['/', '/', '/own', '/', '/subclass', '/object', '/'] as $path) {
    echo $path, ' ', http_get($port, $path, ['Cookie' => "PHPSESSID=$id"])->body, "\n";
    poll('the lock to be free', fn () => !is_locked($id), 20);
}
--EXPECT--
/ 1
/ 2
/own 71
/ 3
/subclass 4
/object 5
/ 6
