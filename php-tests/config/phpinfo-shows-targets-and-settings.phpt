--TEST--
phpinfo() has a section with version, targets and every setting
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

start(new_id());
ob_start();
(new ReflectionExtension('phpsess_rs'))->info();
$info = ob_get_clean();
session_write_close();
ok('version', str_contains($info, phpversion('phpsess_rs')) && preg_match('/^\d+\.\d+\.\d+/', phpversion('phpsess_rs')) === 1, $info);
$missing = array_filter(array_keys(ini_get_all('phpsess_rs')), fn ($name) => !str_contains($info, $name));
same('every setting', [], array_values($missing));
ok('what it can connect to', stripos($info, 'tcp') !== false && stripos($info, 'unix') !== false, $info);
ok('the pool', stripos($info, 'pool') !== false, $info);
ob_start();
phpinfo(INFO_MODULES);
$info = ob_get_clean();
ok('session lists the handler', preg_match('/Registered save handlers => .*\brustredis\b/', $info) === 1, $info);
--EXPECT--
ok: version
ok: every setting
ok: what it can connect to
ok: the pool
ok: session lists the handler
