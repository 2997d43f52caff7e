--TEST--
write_ack=deferred: a refused write is in the error log although the process has met more targets than it has pools
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$server = RedisServer::start();
$server->resp()->acl('SETUSER', 'many', 'on', 'nopass', '~*', '&*', '+@all');
$log = temp_file('');
$child = Child::run('
    $path = fn (int $token) => $argv[1] . "?auth[]=many&auth[]=token$token";
    ini_set("session.save_path", $path(0));
    start($argv[2]);
    $_SESSION["n"] = 1;
    say("started");
    hear();
    session_write_close();
    for ($i = 1; $i <= 300; $i++) {
        ini_set("session.save_path", $path($i));
        start("other$i");
        session_abort();
    }
', [$server->save_path(), $id = new_id()], ['rustredis.write_ack' => 'deferred', 'session.use_strict_mode' => '0', 'error_log' => $log]);
same('the child', 'started', $child->line());
$server->resp()->del(lock_key($id));
$child->tell('go');
$output = $child->output() . file_get_contents($log);
same('one message', 1, preg_match_all('/session ' . substr($id, 0, 6) . '\.\.\. at .* lost its lock/', $output));
--EXPECT--
ok: the child
ok: one message
