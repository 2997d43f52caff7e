--TEST--
php -S: the connection to Redis is kept from request to request
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$port = php_server('session_start(); echo json_encode(rustredis_status());', ['session.use_cookies' => 1]);
// The first request loads the scripts.
http_get($port, '/');
$first = json_decode(http_get($port, '/')->body, true);
for ($i = 0; $i < 20; $i++) {
    $last = json_decode(http_get($port, '/')->body, true);
}
same('starts are counted', $first['starts'] + 20, $last['starts']);
same('no reconnect', 0, $last['reconnects']);
same('two round trips a request', 40, $last['trips'] - $first['trips']);
--EXPECT--
ok: starts are counted
ok: no reconnect
ok: two round trips a request
