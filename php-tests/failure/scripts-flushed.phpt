--TEST--
SCRIPT FLUSH between and within sessions is not noticed
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$server = RedisServer::start();
ini_set('session.save_path', $server->save_path());
$id = new_id();
for ($n = 1; $n <= 3; $n++) {
    $server->resp()->script('FLUSH');
    start($id);
    $_SESSION['n'] = $n;
    $server->resp()->script('FLUSH');
    session_write_close();
}
same('the last value is stored', 'n|i:3;', $server->resp()->get(data_key($id)));
same('the lock is gone', false, is_locked($id, $server->resp()));
--EXPECT--
ok: the last value is stored
ok: the lock is gone
