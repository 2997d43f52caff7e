--TEST--
write_ack=deferred: when a process ends, a server that hangs costs only its own sessions, and the message names the time
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$servers = [RedisServer::start(), RedisServer::start()];
$path = implode(',', array_map(fn ($server) => $server->save_path('weight=1'), $servers));
$log = temp_file('');
$ini = ['rustredis.write_ack' => 'deferred', 'rustredis.read_timeout' => '2', 'error_log' => $log];
// A session of each server; the first one is the first that the process has used.
$child = Child::run('
    ini_set("session.save_path", $argv[1]);
    $ids = [];
    while (count($ids) < 2) {
        $id = new_id();
        start($id);
        $_SESSION["n"] = 1;
        session_write_close();
        $ids[rustredis_status()["last"]["server"]] ??= $id;
    }
    start(reset($ids));
    $_SESSION["n"] = 2;
    say(json_encode($ids));
    hear();
    session_write_close();
    start(end($ids));
    $_SESSION["n"] = 2;
    session_write_close();
', [$path], $ini);
$ids = json_decode($child->line(), true);
$by_address = [];
foreach ($servers as $server) {
    $by_address[$server->address()] = $server;
}
[$first, $second] = array_keys($ids);
$by_address[$first]->freeze();
$child->tell('end');
$time = seconds(fn () => $child->output());
$by_address[$first]->thaw();
$said = file_get_contents($log);
ok('one message, of the server that hangs', substr_count($said, 'was not saved') === 1 && str_contains($said, $first), $said);
ok('it names the time', preg_match('/no answer within [\d.]+ s, and rustredis.read_timeout is 2 s/', $said) === 1, $said);
same('the other session', 'n|i:2;', $by_address[$second]->resp()->get(data_key($ids[$second])));
ok('in time', $time < 20, $time);
--EXPECT--
ok: one message, of the server that hangs
ok: it names the time
ok: the other session
ok: in time
