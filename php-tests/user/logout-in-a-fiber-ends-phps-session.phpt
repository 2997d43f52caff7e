--TEST--
a logout in a fiber of the same process is another visitor's, and ends the session that PHP has under a new id
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

foreach (['1', '0'] as $locking) {
    ini_set('rustredis.locking', $locking);
    start($old = new_id());
    $_SESSION['n'] = 1;
    rustredis_user(new_id());
    session_write_close();
    start($old);
    rustredis_user(new_id());
    session_regenerate_id(true);
    $fiber = new Fiber(fn () => (new RustRedis\SessionHandler())->destroy($old));
    $fiber->start();
    ok("locking=$locking: it logs out", $fiber->getReturn());
    $_SESSION['n'] = 2;
    $got = warnings_of(fn () => session_write_close());
    ok('PHP saves nothing, and says so', str_contains(implode($got), 'was not saved'), $got);
    same('the session has ended', 0, redis()->exists(data_key(session_id()), data_key($old)));
}
--EXPECTREGEX--
(ok: [^\n]*\n?){6}
