--TEST--
an ACL user whose key patterns do not cover the prefix
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$server = RedisServer::start();
$server->resp()->acl('SETUSER', 'web', 'on', '>the-Secret-1', '~app:*', '+@all');
$child = Child::run('var_dump(start($argv[1]));', [new_id()], [
    'session.save_path' => $server->save_path(), 'rustredis.username' => 'web', 'rustredis.password' => 'the-Secret-1']);
$output = $child->output();
ok('session_start() is false', str_contains($output, 'bool(false)'), $output);
same('one warning of ours', 1, substr_count($output, 'rustredis: '));
ok('the cause', preg_match('/NOPERM|No permissions/', $output) === 1, $output);
ok('the missing pattern', str_contains($output, ' and the keys ~PHPREDIS_SESSION:*'), $output);
$child = Child::run('var_dump(start($argv[1]));', [new_id()], ['session.save_path' => $server->save_path(),
    'rustredis.username' => 'web', 'rustredis.password' => 'the-Secret-1', 'rustredis.prefix' => 'a[b]*:']);
$output = $child->output();
ok('as Redis wants it written', str_contains($output, $pattern = '~a\\[b]\\*:*'), $output);
$server->resp()->acl('SETUSER', 'web', $pattern);
$child = Child::run('var_dump(start($argv[1]));', [new_id()], ['session.save_path' => $server->save_path(),
    'rustredis.username' => 'web', 'rustredis.password' => 'the-Secret-1', 'rustredis.prefix' => 'a[b]*:']);
same('which then suffices', 'bool(true)', $child->output());
$child = Child::run('var_dump(start($argv[1])); $_SESSION["n"] = 1; var_dump(session_write_close());', [$id = new_id()], [
    'session.save_path' => $server->save_path(), 'rustredis.username' => 'web', 'rustredis.password' => 'the-Secret-1', 'rustredis.prefix' => 'app:']);
same('with a prefix that they cover', "bool(true)\nbool(true)", $child->output());
same('it is stored', 'n|i:1;', $server->resp()->get("app:$id"));
--EXPECT--
ok: session_start() is false
ok: one warning of ours
ok: the cause
ok: the missing pattern
ok: as Redis wants it written
ok: which then suffices
ok: with a prefix that they cover
ok: it is stored
