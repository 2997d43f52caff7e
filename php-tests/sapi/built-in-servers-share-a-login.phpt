--TEST--
php -S: log in on one server, read on another, log out
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$script = '
    session_start();
    switch ($_SERVER["REQUEST_URI"]) {
        case "/login": session_regenerate_id(true); $_SESSION["user"] = "ada"; break;
        case "/logout": session_destroy(); break;
    }
    echo $_SESSION["user"] ?? "nobody";';
$ini = ['session.use_cookies' => 1, 'session.use_strict_mode' => 1];
$one = php_server($script, $ini);
$two = php_server($script, $ini);
$visit = http_get($one, '/');
same('a visitor', 'nobody', $visit->body);
$before = $visit->cookie();
$login = http_get($one, '/login', ['Cookie' => "PHPSESSID=$before"]);
$cookies = $login->headers('Set-Cookie');
$id = $login->cookie();
ok('the login has a new id', $id !== null && $id !== $before, $cookies);
$cookie = ['Cookie' => "PHPSESSID=$id"];
same('the other server knows', 'ada', http_get($two, '/', $cookie)->body);
same('the id from before is worth nothing', 'nobody', http_get($two, '/', ['Cookie' => "PHPSESSID=$before"])->body);
http_get($two, '/logout', $cookie);
same('logged out on both', ['nobody', 'nobody'], [http_get($one, '/', $cookie)->body, http_get($two, '/', $cookie)->body]);
--EXPECT--
ok: a visitor
ok: the login has a new id
ok: the other server knows
ok: the id from before is worth nothing
ok: logged out on both
