--TEST--
a Redis that quotes the arguments of a command it does not know: neither a password nor an id gets into the warning
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = 'abcdefghijklmnopqrstuvwxyz';
foreach (['EVALSHA' => [], 'AUTH' => ['rustredis.password' => 'the-Secret-1']] as $command => $ini) {
    $server = RedisServer::start(['--rename-command', $command, '']);
    $raw = '';
    try {
        $server->resp()->{strtolower($command)}('the-Secret-1', $id);
    } catch (RespError $error) {
        $raw = $error->getMessage();
    }
    ok("$command is quoted by Redis itself", str_contains($raw, 'the-Secret-1'), $raw);
    $output = Child::run('start($argv[1]);', [$id], ['session.save_path' => $server->save_path(), ...$ini])->output();
    ok("$command is named", preg_match("/unknown command ['`]{$command}['`]/", $output) === 1, $output);
    ok('and no more', !str_contains($output, 'the-Secret-1') && !str_contains($output, $id), $output);
}
--EXPECT--
ok: EVALSHA is quoted by Redis itself
ok: EVALSHA is named
ok: and no more
ok: AUTH is quoted by Redis itself
ok: AUTH is named
ok: and no more
