--TEST--
a request whose write was refused and that writes once more keeps its lock until then: nobody is overwritten
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$server = RedisServer::start(['--maxmemory-policy', 'noeviction']);
ini_set('session.save_path', $server->save_path());
$id = new_id();
store_session($id, ['n' => 1], 1440, $server->resp());
start($id);
$_SESSION['n'] = 2;
$other = null;
set_error_handler(function () use ($server, $id, &$other) {
    if ($other) {
        return true;
    }
    $server->resp()->config('SET', 'maxmemory', '0');
    $other = Child::run(
        'start($argv[1]); $_SESSION["other"] = 1; session_write_close(); say("done");',
        [$id],
        ['session.save_path' => ini_get('session.save_path')]
    );
    poll('the other waits for us', fn () => $server->resp()->zcard(side_key($id, 'WAITERS')) === 1);
    session_write_close();
    return true;
});
$server->resp()->config('SET', 'maxmemory', '1');
session_write_close();
restore_error_handler();
same('the other comes next', 'done', $other->line());
same('and ends', '', $other->output());
same('both changes are there', 'n|i:2;other|i:1;', $server->resp()->get(data_key($id)));
same('no lock is left', false, is_locked($id, $server->resp()));
--EXPECT--
ok: the other comes next
ok: and ends
ok: both changes are there
ok: no lock is left
