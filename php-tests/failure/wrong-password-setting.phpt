--TEST--
a wrong rustredis.password: the cause, the setting, not the password
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$server = RedisServer::start(['--requirepass', 'right-Secret-1']);
$child = Child::run('var_dump(start($argv[1]));', [new_id()], ['session.save_path' => $server->save_path(), 'rustredis.password' => 'wrong-Secret-2']);
$output = $child->output();
ok('session_start() is false', str_contains($output, 'bool(false)'), $output);
same('one warning of ours', 1, substr_count($output, 'rustredis: '));
ok('the cause', preg_match('/WRONGPASS|invalid.*password/i', $output) === 1, $output);
ok('the setting', str_contains($output, 'rustredis.password'), $output);
ok('no password', !str_contains($output, 'Secret'), $output);
--EXPECT--
ok: session_start() is false
ok: one warning of ours
ok: the cause
ok: the setting
ok: no password
