--TEST--
a real php-fpm pool: its workers share the sessions, parallel requests lose nothing
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$pool = new FpmPool('
    session_start();
    $_SESSION["n"] = ($_SESSION["n"] ?? 0) + 1;
    usleep(2000);
    echo json_encode(["n" => $_SESSION["n"], "pid" => getmypid(), "sapi" => PHP_SAPI]);
', ['session.use_cookies' => 1, 'session.use_strict_mode' => 1], 4);
$first = $pool->get();
$id = $first->cookie();
ok('a cookie is set', is_string($id) && strlen($id) === 32, $first->raw);
same('the first answer', [1, 'fpm-fcgi'], [json_decode($first->body, true)['n'] ?? $first->raw, json_decode($first->body, true)['sapi'] ?? '']);
$requests = [];
for ($i = 0; $i < 30; $i++) {
    $requests[] = $pool->request('', ['HTTP_COOKIE' => "PHPSESSID=$id"]);
}
$numbers = $pids = [];
foreach ($requests as $request) {
    $answer = json_decode(cgi_answer($request->output())->body, true);
    $numbers[] = $answer['n'];
    $pids[$answer['pid']] = true;
}
sort($numbers);
same('each request has a number of its own', range(2, 31), $numbers);
ok('several workers answered', count($pids) > 1, count($pids));
same('the stored value', 'n|i:31;', redis()->get(data_key($id)));
same('no lock is left', false, is_locked($id));
--EXPECT--
ok: a cookie is set
ok: the first answer
ok: each request has a number of its own
ok: several workers answered
ok: the stored value
ok: no lock is left
