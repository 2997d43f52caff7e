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
foreach (['1', '0'] as $strict) {
    $port = php_server($code, ['session.use_cookies' => 1, 'session.use_strict_mode' => $strict]);
    $id = new_id();
    store_session($id, ['n' => 1]);
    $living = http_get($port, '/?case=again', ['Cookie' => "PHPSESSID=$id"]);
    same("strict=$strict: a living session's cookie is PHP's matter", 1, preg_match("/PHPSESSID=$id/", implode(' ', cookies($living))));
    http_get($port, '/?case=login', ['Cookie' => "PHPSESSID=$id"]);
    foreach (array_keys(STARTS) as $case) {
        $late = http_get($port, '/?case=' . rawurlencode($case), ['Cookie' => "PHPSESSID=$id"]);
        same("strict=$strict: $case", ['{"n":1}', $case === 'another cookie' ? ['PHPSESSID2=x', 'theme=dark'] : []], [$late->body, cookies($late)]);
    }
}
--EXPECT--
ok: strict=1: a living session's cookie is PHP's matter
ok: strict=1: once
ok: strict=1: again
ok: strict=1: read first
ok: strict=1: after an abort
ok: strict=1: under an id of its own
ok: strict=1: reset
ok: strict=1: another cookie
ok: strict=0: a living session's cookie is PHP's matter
ok: strict=0: once
ok: strict=0: again
ok: strict=0: read first
ok: strict=0: after an abort
ok: strict=0: under an id of its own
ok: strict=0: reset
ok: strict=0: another cookie
