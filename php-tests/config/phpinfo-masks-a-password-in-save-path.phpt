--TEST--
our section of phpinfo() and rustredis_status() mask a password of save_path
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$server = RedisServer::start(['--requirepass', 'the-Secret-1']);
ini_set('session.save_path', $server->save_path('auth=the-Secret-1'));
same('it starts', true, start(new_id()));
ob_start();
(new ReflectionExtension('phpsess_rs'))->info();
print_r(rustredis_status());
$output = ob_get_clean();
ok('no password', !str_contains($output, 'the-Secret-1'), $output);
ok('but the server', str_contains($output, $server->address()), $output);
--EXPECT--
ok: it starts
ok: no password
ok: but the server
