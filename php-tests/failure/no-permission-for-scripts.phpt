--TEST--
an ACL user that may not run scripts
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$server = RedisServer::start();
$server->resp()->acl('SETUSER', 'web', 'on', '>the-Secret-1', '~*', '+@all', '-@scripting');
$child = Child::run('var_dump(start($argv[1]));', [new_id()], [
    'session.save_path' => $server->save_path(), 'rustredis.username' => 'web', 'rustredis.password' => 'the-Secret-1']);
$output = $child->output();
ok('session_start() is false', str_contains($output, 'bool(false)'), $output);
same('one warning of ours', 1, substr_count($output, 'rustredis: '));
ok('the cause', str_contains($output, 'NOPERM'), $output);
--EXPECT--
ok: session_start() is false
ok: one warning of ours
ok: the cause
