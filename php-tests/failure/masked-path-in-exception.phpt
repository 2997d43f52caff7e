--TEST--
a new session that cannot be read in session_regenerate_id(): the exception shows a masked path
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$server = RedisServer::start();
$server->resp()->acl('SETUSER', 'web', 'on', '>the-Secret-1', '~*', '+@all');
$path = $server->save_path('auth[]=web&auth[]=the-Secret-1');
ini_set('session.save_path', $path);
start($id = new_id());
// The destroy still works, but a lock cannot be taken any more.
$server->resp()->acl('SETUSER', 'web', 'resetkeys', "~*$id*");
try {
    $got = warnings_of(fn () => session_regenerate_id(true));
    echo "no exception\n";
} catch (Error $error) {
    ok('a masked path', preg_match('/Failed to create\(read\) session ID: (rustredis|user) \(path: .*\*\*\*/', $error->getMessage()) === 1, $error->getMessage());
    ok('no password', !str_contains((string) $error, 'the-Secret-1'), (string) $error);
}
same('the setting is untouched', $path, ini_get('session.save_path'));
$server->resp()->acl('SETUSER', 'web', 'allkeys');
same('the next start works', true, start(new_id()));
--EXPECT--
ok: a masked path
ok: no password
ok: the setting is untouched
ok: the next start works
