--TEST--
two pools of php-fpm, each with a Redis user of its own in php_admin_value: neither reads the other's sessions or any password
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

preg_match('/^ACL SETUSER sessions on >PASSWORD ~PHPREDIS_SESSION:\* (.+)$/m', file_get_contents(getenv('RUSTREDIS_ROOT') . '/README.md'), $m);
$server = RedisServer::start();
// Both pools have the same page and the same save path. A script may choose the prefix, but not who it is.
$page = '
    ini_set("rustredis.prefix", $_GET["prefix"]);
    ini_set("rustredis.username", "two");
    ini_set("rustredis.password", "two-Secret");
    session_id($_GET["id"]);
    $n = session_start() ? ($_SESSION["n"] = ($_SESSION["n"] ?? 0) + 1) : false;
    echo "n=", json_encode($n), "\n";
    session_write_close();
    echo ini_get("rustredis.password"), "\n";
    print_r(ini_get_all("phpsess_rs"));
    phpinfo();';
$id = new_id();
foreach (['one', 'two'] as $user) {
    $server->resp()->acl('SETUSER', $user, 'on', ">$user-Secret", "~$user:*", ...explode(' ', $m[1]));
    $pools[$user] = new FpmPool($page, [
        'session.save_path' => $server->save_path(), 'rustredis.username' => $user, 'rustredis.password' => "$user-Secret",
    ], 1);
    foreach ([1, 2] as $n) {
        $body = $pools[$user]->get("id=$id&prefix=$user:")->body;
        ok("pool $user has its own session, visit $n", str_contains($body, "n=$n\n"), substr($body, 0, 500));
        ok('and shows no password', str_contains($body, 'rustredis.password') && !str_contains($body, "$user-Secret"), $body);
    }
}
$body = $pools['one']->get("id=$id&prefix=two:")->body;
ok("pool one cannot start the other's session", str_contains($body, 'NOPERM') && str_contains($body, "n=false\n"), substr($body, 0, 500));
same('which stays as it is', 'n|i:2;', $server->resp()->get("two:$id"));
--EXPECT--
ok: pool one has its own session, visit 1
ok: and shows no password
ok: pool one has its own session, visit 2
ok: and shows no password
ok: pool two has its own session, visit 1
ok: and shows no password
ok: pool two has its own session, visit 2
ok: and shows no password
ok: pool one cannot start the other's session
ok: which stays as it is
