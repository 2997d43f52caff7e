--TEST--
a script that points session.save_path at a server of its own gets rustredis.password there: docs/security.md warns of it
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

// Where this is not wanted, PHP has a remedy: config/open-basedir-refuses-save-path.phpt.
$listener = stream_socket_server('tcp://127.0.0.1:0');
$child = Child::run(
    'ini_set("session.save_path", "tcp://$argv[1]"); start($argv[2]); echo "seen";',
    [stream_socket_get_name($listener, false), $id = new_id()],
    ['rustredis.password' => 'the-Secret-1', 'rustredis.read_timeout' => '1', 'rustredis.connect_timeout' => '1'],
);
$connection = stream_socket_accept($listener, 10 * slowness());
stream_set_timeout($connection, 10 * slowness());
$sent = fread($connection, 8192);
fclose($connection);
fclose($listener);
$output = $child->output();
ok('it is sent', str_contains($sent, 'AUTH') && str_contains($sent, 'the-Secret-1'), $sent);
ok('it is not shown', str_ends_with($output, 'seen') && str_contains($output, 'rustredis: ') && !str_contains($output, 'Secret'), $output);
--EXPECT--
ok: it is sent
ok: it is not shown
