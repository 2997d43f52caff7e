--TEST--
rustredis.touch=0: polling that prefetches its session, or reads and closes it, does not keep it alive
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$port = php_server('
    parse_str((string) parse_url($_SERVER["REQUEST_URI"], PHP_URL_QUERY), $query);
    ini_set("rustredis.touch", $query["touch"]);
    session_start(["read_and_close" => $query["how"] === "read"]);
    if ($query["how"] === "write") {
        $_SESSION["n"]++;
    }
    echo $_SESSION["n"];
', ['session.use_cookies' => 1, 'session.use_strict_mode' => 1, 'rustredis.prefetch' => 1]);
$id = new_id();
store_session($id, ['n' => 1], 600);
$get = fn (string $how, int $touch) => http_get($port, "/?how=$how&touch=$touch", ['Cookie' => "PHPSESSID=$id"])->body;
foreach (['read', 'keep', 'write'] as $how) {
    for ($i = 0; $i < 5; $i++) {
        $got = $get($how, 0);
    }
    same("$how: the answer", $how === 'write' ? '6' : '1', $got);
    poll('the lock to be given back', fn () => !is_locked($id), 20);
    ok("$how: the TTL", redis()->ttl(data_key($id)) <= 600, redis()->ttl(data_key($id)));
}
foreach (['read', 'keep', 'write'] as $how) {
    redis()->expire(data_key($id), 600);
    $get($how, 1);
    poll('the lock to be given back', fn () => !is_locked($id), 20);
    ok("$how, with touch: the TTL", redis()->ttl(data_key($id)) > 1000, redis()->ttl(data_key($id)));
}
--EXPECT--
ok: read: the answer
ok: read: the TTL
ok: keep: the answer
ok: keep: the TTL
ok: write: the answer
ok: write: the TTL
ok: read, with touch: the TTL
ok: keep, with touch: the TTL
ok: write, with touch: the TTL
