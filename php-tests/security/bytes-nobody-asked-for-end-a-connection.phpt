--TEST--
bytes that nobody asked for end a connection before its next use, and never become the answer to it
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$server = RedisServer::start();
ini_set('session.save_path', $server->save_path());
$other = new_id();
store_session($other, ['whose' => 'another'], redis: $server->resp());

/** Has Redis send another visitor's session over each connection of this process to it. */
function plant(): void
{
    global $server, $other;
    $resp = Resp::unix($server->socket);
    $calls = fn () => preg_match('/cmdstat_mget:calls=(\d+)/', $resp->info('commandstats'), $found) ? (int) $found[1] : 0;
    $before = $calls();
    $planted = 0;
    foreach (scandir('/proc/self/fd') as $fd) {
        if ($fd > 2 && str_starts_with((string) @readlink("/proc/self/fd/$fd"), 'socket:') && peer_is_server($fd)) {
            // A thread of the extension may close one at that moment.
            $planted += (int) (@file_put_contents("php://fd/$fd", "MGET " . data_key('none') . ' ' . data_key($other) . "\r\n") > 0);
        }
    }
    ok('there is a connection', $planted > 0);
    // Redis sends an answer before it reads on.
    poll('the answers', fn () => $calls() >= $before + $planted);
}

/** Connections to the server, as the kernel lists them; the test itself has a Unix socket. */
function peer_is_server(string $fd): bool
{
    global $server;
    $inode = preg_replace('/\D/', '', readlink("/proc/self/fd/$fd"));
    return (bool) preg_match(sprintf('/ \w+:%04X 01 .* %s /', $server->port, $inode), file_get_contents('/proc/net/tcp'));
}

$id = new_id();
start($id);
$_SESSION['whose'] = 'mine';
session_write_close();

plant();
same('a session starts', true, start($id));
same('with its own data', ['whose' => 'mine'], $_SESSION);

plant();
$_SESSION['n'] = 1;
same('it is saved', true, session_write_close());
same('as it was', 'whose|s:4:"mine";n|i:1;', $server->resp()->get(data_key($id)));
same('and its lock is free', false, is_locked($id, $server->resp()));

plant();
same('it is read without a lock', true, start($id, ['read_and_close' => true]));
same('as it is', ['whose' => 'mine', 'n' => 1], $_SESSION);

start($id);
plant();
same('a new id', true, session_regenerate_id(true));
same('has its data', ['whose' => 'mine', 'n' => 1], $_SESSION);
plant();
same('and can be destroyed', true, session_destroy());
same('the other session is as it was', 'whose|s:7:"another";', $server->resp()->get(data_key($other)));
--EXPECT--
ok: there is a connection
ok: a session starts
ok: with its own data
ok: there is a connection
ok: it is saved
ok: as it was
ok: and its lock is free
ok: there is a connection
ok: it is read without a lock
ok: as it is
ok: there is a connection
ok: a new id
ok: has its data
ok: there is a connection
ok: and can be destroyed
ok: the other session is as it was
