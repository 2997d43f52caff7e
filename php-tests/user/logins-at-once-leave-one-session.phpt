--TEST--
many logins at once with a limit of one leave one session
--FILE--
<?php
require __DIR__ . '/user.inc';

// Under valgrind, fifty would need longer than a lease.
$logins = slowness() > 1 ? 8 : 50;
ini_set('rustredis.lock_lease', (string) (10 * slowness()));
foreach (['oldest', 'refuse', 'oldest, of those who are logged in'] as $way) {
    $on_limit = explode(',', $way)[0];
    $user = new_user();
    $gate = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
    $ids = $children = [];
    for ($i = 0; $i < $logins; $i++) {
        $ids[] = $id = $way === $on_limit ? new_id() : login($user);
        if (($children[] = pcntl_fork()) === 0) {
            ob_end_clean();
            ob_start(fn () => '');
            fclose($gate[1]);
            fread($gate[0], 1); // until the test has all of them
            start($id);
            $_SESSION['n'] = 1;
            try {
                $bound = rustredis_user($user, 1, $on_limit);
            } catch (RustRedis\SessionException) { // another login has chosen this session
                $bound = false;
            }
            $bound ? @session_write_close() : session_abort();
            posix_kill(getmypid(), SIGKILL); // without the test's own end
        }
    }
    fclose($gate[0]);
    fclose($gate[1]);
    foreach ($children as $pid) {
        pcntl_waitpid($pid, $status);
    }
    $alive = array_values(array_filter($ids, lives(...)));
    // Those that were ended may still be on the list, as victims.
    same("$way: one lives", 1, count($alive));
    start($alive[0]);
    same('it is listed alone', [handle($alive[0])], array_column(rustredis_user_sessions(), 'handle'));
    session_abort();
    same('the list has no other', $alive, array_keys(on_list($user)));
}
--EXPECT--
ok: oldest: one lives
ok: it is listed alone
ok: the list has no other
ok: refuse: one lives
ok: it is listed alone
ok: the list has no other
ok: oldest, of those who are logged in: one lives
ok: it is listed alone
ok: the list has no other
