--TEST--
an ACL user without the right to write: the cause is named, no crash
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$server = RedisServer::start();
$server->resp()->acl('SETUSER', 'web', 'on', '>the-Secret-1', '~*', '+@all', '-set');
$child = Child::run('var_dump(start($argv[1]));', [$id = new_id()], [
    'session.save_path' => $server->save_path(), 'rustredis.username' => 'web', 'rustredis.password' => 'the-Secret-1']);
$output = $child->output();
ok('session_start() is false', str_contains($output, 'bool(false)'), $output);
same('one warning of ours', 1, substr_count($output, 'rustredis: '));
ok('the cause', preg_match('/NOPERM|permission|ACL/', $output) === 1, $output);
ok('no password, no id', !str_contains($output, 'the-Secret-1') && !str_contains($output, $id), $output);
same('no crash', 0, $child->exit_code());
--EXPECT--
ok: session_start() is false
ok: one warning of ours
ok: the cause
ok: no password, no id
ok: no crash
