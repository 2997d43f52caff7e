--TEST--
a connection that the server closed while it was idle is replaced silently
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$server = RedisServer::start();
ini_set('session.save_path', $server->save_path());
$id = new_id();
start($id);
$_SESSION['n'] = 1;
session_write_close();
foreach (range(2, 4) as $n) {
    $server->resp()->client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    $got = warnings_of(function () use ($id, &$result) {
        $result = start($id);
    });
    same("start $n works without a word", [true, []], [$result, $got]);
    $_SESSION['n'] = $n;
    session_write_close();
}
same('the last value is stored', 'n|i:4;', $server->resp()->get(data_key($id)));
--EXPECT--
ok: start 2 works without a word
ok: start 3 works without a word
ok: start 4 works without a word
ok: the last value is stored
