--TEST--
the ACL rule in docs/operations.md is enough for sessions, and not for anybody else's keys
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$text = file_get_contents(getenv('RUSTREDIS_ROOT') . '/docs/operations.md');
preg_match('/Start from `([^`]+)`/', $text, $match) || exit('docs/operations.md has no rule');
$server = RedisServer::start();
$server->resp()->acl('SETUSER', 'web', 'on', '>pw', ...explode(' ', $match[1]));
$server->resp()->set('OTHER_APP:abcdefghijklmnopqrstuv', 'n|i:7;');

$script = '
    var_dump(start($argv[1]));
    $_SESSION["n"] = 1;
    var_dump(session_write_close(), start($argv[1]));
    session_regenerate_id(true);
    $_SESSION["n"]++;
    var_dump(session_write_close(), start(session_id(), ["read_and_close" => true]), $_SESSION["n"]);
    start(session_id());
    var_dump(session_destroy());';
$ini = ['session.save_path' => $server->save_path(), 'rustredis.username' => 'web', 'rustredis.password' => 'pw'];
same('a life of a session', str_replace('N', "\n", 'bool(true)Nbool(true)Nbool(true)Nbool(true)Nbool(true)Nint(2)Nbool(true)'),
    Child::run($script, [$id = new_id()], $ini)->output());

// Waiting for the lock, and being woken.
$holder = Child::run('start($argv[1]); say("held"); hear(); $_SESSION["n"] = 1; session_write_close(); say("left"); hear();', [$id = new_id()], $ini);
same('one holds it', 'held', $holder->line());
$waiter = Child::run('start($argv[1]); var_dump($_SESSION["n"]);', [$id], $ini);
poll('a waiter', fn () => $server->resp()->zcard(data_key($id) . '_WAITERS') === 1);
$holder->tell('go');
same('it leaves', 'left', $holder->line());
same('the other is woken', 'int(1)', $waiter->output());
$holder->tell('go');

$output = Child::run('var_dump(start("abcdefghijklmnopqrstuv"), $_SESSION);', [], [...$ini, 'rustredis.prefix' => 'OTHER_APP:'])->output();
ok('another prefix is out of reach', str_contains($output, 'ACL') && str_contains($output, 'bool(false)') && !str_contains($output, 'int(7)'), $output);
--EXPECT--
ok: a life of a session
ok: one holds it
ok: it leaves
ok: the other is woken
ok: another prefix is out of reach
