--TEST--
Redis hangs in session_regenerate_id(): it is false, and Redis moves nothing away when it goes on
--INI--
rustredis.connect_timeout=1
rustredis.read_timeout=1
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$server = RedisServer::start();
ini_set('session.save_path', $server->save_path());
// Redis knows the scripts.
foreach (['1', '0'] as $locking) {
    ini_set('rustredis.locking', $locking);
    store_session($id = new_id(), ['n' => 1], 1440, $server->resp());
    start($id);
    session_regenerate_id();
    session_write_close();
}
foreach ([['1', true], ['1', false], ['0', false]] as [$locking, $delete]) {
    ini_set('rustredis.locking', $locking);
    $id = new_id();
    store_session($id, ['n' => 1], 1440, $server->resp());
    start($id);
    $_SESSION['n'] = 2;
    $server->freeze();
    $got = warnings_of(function () use ($delete, &$moved) {
        $moved = session_regenerate_id($delete);
    });
    $name = "locking=$locking, " . json_encode($delete);
    same("$name: not moved", false, $moved);
    ok('it is said', (bool) preg_grep('/rustredis: /', $got), $got);
    $server->thaw();
    // Redis carries out what has come meanwhile before it answers, and the lock is given back.
    poll('the lock', fn () => !is_locked($id, $server->resp()));
    same('the session stays', ['n|i:1;', 0], [$server->resp()->get(data_key($id)), $server->resp()->exists(side_key($id, 'OLD'))]);
    session_status() === PHP_SESSION_ACTIVE && session_abort();
}
--EXPECT--
ok: locking=1, true: not moved
ok: it is said
ok: the session stays
ok: locking=1, false: not moved
ok: it is said
ok: the session stays
ok: locking=0, false: not moved
ok: it is said
ok: the session stays
