--TEST--
php -S with several workers: they share the sessions, and parallel requests lose nothing
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$port = php_server('
    session_start();
    $_SESSION["n"] = ($_SESSION["n"] ?? 0) + 1;
    usleep(2000);
    echo json_encode(["n" => $_SESSION["n"], "pid" => getmypid()]);
', ['session.use_cookies' => 1, 'session.use_strict_mode' => 1], 4);
$first = http_get($port, '/');
$id = $first->cookie();
ok('a cookie is set', is_string($id) && strlen($id) === 32, $first->raw);
same('the first answer', 1, json_decode($first->body, true)['n'] ?? $first->raw);
$requests = [];
for ($i = 0; $i < 40; $i++) {
    $requests[] = new HttpRequest($port, '/', ['Cookie' => "PHPSESSID=$id"]);
}
$numbers = $pids = [];
foreach ($requests as $request) {
    $answer = json_decode($request->answer()->body, true);
    $numbers[] = $answer['n'];
    $pids[$answer['pid']] = true;
}
sort($numbers);
same('each request has a number of its own', range(2, 41), $numbers);
ok('several processes answered', count($pids) > 1, count($pids));
same('the stored value', 'n|i:41;', redis()->get(data_key($id)));
same('no lock is left', false, is_locked($id));
--EXPECT--
ok: a cookie is set
ok: the first answer
ok: each request has a number of its own
ok: several processes answered
ok: the stored value
ok: no lock is left
