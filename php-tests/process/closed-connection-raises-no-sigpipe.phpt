--TEST--
a connection that Redis has closed raises no SIGPIPE, whatever that does in this process
--SKIPIF--
<?php
if (!extension_loaded('pcntl')) {
    die('skip needs pcntl');
}
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$server = RedisServer::start();
foreach (['tcp' => $server->save_path(), 'unix' => 'unix://' . $server->socket] as $way => $path) {
    foreach ([1000, 8_000_000] as $size) {
        $child = Child::run('
            pcntl_signal(SIGPIPE, SIG_DFL);
            start($argv[1]);
            $_SESSION["x"] = random_bytes((int) $argv[2]);
            say("open");
            hear();
            say(var_export(session_write_close(), true));', [new_id(), $size], ['session.save_path' => $path]);
        same("$way, $size bytes", 'open', $child->line());
        $server->resp()->client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
        $child->tell('go');
        same("$way, $size bytes: saved", 'true', $child->line());
    }
}
--EXPECT--
ok: tcp, 1000 bytes
ok: tcp, 1000 bytes: saved
ok: tcp, 8000000 bytes
ok: tcp, 8000000 bytes: saved
ok: unix, 1000 bytes
ok: unix, 1000 bytes: saved
ok: unix, 8000000 bytes
ok: unix, 8000000 bytes: saved
