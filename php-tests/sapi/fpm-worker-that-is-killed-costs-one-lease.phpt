--TEST--
php-fpm: a worker that is killed while it holds a lock costs the others one lease
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$pool = new FpmPool('
    session_id($_GET["id"]);
    session_start();
    $_SESSION["n"] = ($_SESSION["n"] ?? 0) + 1;
    if (isset($_GET["die"])) { posix_kill(getmypid(), 9); }
    echo $_SESSION["n"];
', ['rustredis.lock_lease' => 1], 2);
$id = new_id();
same('a first request', '1', $pool->get("id=$id")->body);
$pool->request("id=$id&die=1")->output();
$time = seconds(function () use ($pool, $id) {
    same('the next request', '2', $pool->get("id=$id")->body);
});
ok('in time', $time < 8, $time);
--EXPECT--
ok: a first request
ok: the next request
ok: in time
