--TEST--
rustredis.username and rustredis.password cannot be changed or read by scripts
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$server = RedisServer::start(['--requirepass', 'the-Secret-1']);
$child = Child::run('
    var_dump(ini_set("rustredis.username", "x"), ini_set("rustredis.password", "x"));
    echo ini_get("rustredis.password"), "\n";
    print_r(ini_get_all("phpsess_rs"));
    print_r(ini_get_all("phpsess_rs", false));
    print_r(ini_get_all(null, true)["rustredis.password"]);
    print_r(rustredis_status());
    phpinfo();
    var_dump(start($argv[1]));', [$id = new_id()], ['session.save_path' => $server->save_path(), 'rustredis.username' => '', 'rustredis.password' => 'the-Secret-1']);
$output = $child->output();
same('the password works', true, str_ends_with($output, 'bool(true)'));
same('ini_set() is refused', 0, strpos($output, "bool(false)\nbool(false)\n"));
same('it is shown nowhere', 0, substr_count($output, 'the-Secret-1'));
ok('but masked', str_contains($output, '***'));
--EXPECT--
ok: the password works
ok: ini_set() is refused
ok: it is shown nowhere
ok: but masked
