--TEST--
a session of another prefix or database is another session, also under the same id
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$server = RedisServer::start();
$id = new_id();
$visit = function (string $query) use ($server, $id): int {
    ini_set('session.save_path', $server->save_path($query));
    start($id);
    $n = $_SESSION['n'] = ($_SESSION['n'] ?? 0) + 1;
    session_write_close();
    return $n;
};
same('the first', 1, $visit('prefix=A:'));
same('another prefix', 1, $visit('prefix=B:'));
same('another database', 1, $visit('prefix=A:&database=1'));
same('the first again', 2, $visit('prefix=A:'));
// A prefix that ends like the start of another's keys: ids have no colon.
same('a longer prefix', 1, $visit('prefix=A:' . $id . ':'));
ini_set('session.save_path', $server->save_path('prefix=A'));
same('no id gets there', false, @start(":$id"));
--EXPECT--
ok: the first
ok: another prefix
ok: another database
ok: the first again
ok: a longer prefix
ok: no id gets there
