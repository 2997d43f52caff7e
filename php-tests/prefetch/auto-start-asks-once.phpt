--TEST--
prefetch with session.auto_start: the session has started already, and nothing is asked for twice
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$port = php_server('
    $_SESSION["n"]++;
    session_write_close();
    echo $_SESSION["n"], " ", rustredis_status()["trips"];
', ['session.use_cookies' => 1, 'session.auto_start' => 1, 'rustredis.prefetch' => 1]);
$id = new_id();
store_session($id, ['n' => 0]);
$get = fn (): array => array_map('intval', explode(' ', http_get($port, '/', ['Cookie' => "PHPSESSID=$id"])->body));
$get();
[, $trips] = $get();
same('counts and costs two trips', [3, $trips + 2], $get());
--EXPECT--
ok: counts and costs two trips
