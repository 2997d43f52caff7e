--TEST--
prefetch: the lock and the data are there before session_start(), and are given back by a page that does not want them
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$port = php_server('
    if ($_SERVER["REQUEST_URI"] === "/count") {
        session_start();
        $_SESSION["n"]++;
        echo $_SESSION["n"], " ";
        session_write_close();
    }
    echo rustredis_status()["trips"];
', ['session.use_cookies' => 1, 'session.use_strict_mode' => 1, 'rustredis.prefetch' => 1, 'rustredis.lock_lease' => 60]);
$id = new_id();
store_session($id, ['n' => 0]);
$get = fn (string $path) => http_get($port, $path, ['Cookie' => "PHPSESSID=$id"])->body;
$count = fn (): array => array_map('intval', explode(' ', $get('/count')));
[$n] = $count();
same('the first request makes the connection', 1, $n);
[$n, $trips] = $count();
same('the second has its session', 2, $n);
[$n, $then] = $count();
same('for two answers', [3, 2], [$n, $then - $trips]);
same('a page without a session waits for nothing', $then, (int) $get('/nothing'));
poll('the lock to be given back', fn () => !is_locked($id), 20);
same('and the next one has it', 4, $count()[0]);
same('no lock is left', false, is_locked($id));
same('the stored value', 'n|i:4;', redis()->get(data_key($id)));
--EXPECT--
ok: the first request makes the connection
ok: the second has its session
ok: for two answers
ok: a page without a session waits for nothing
ok: and the next one has it
ok: no lock is left
ok: the stored value
