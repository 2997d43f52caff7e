--TEST--
session_reset() keeps the lock, and it ends with rustredis.lock_max_hold all the same, whatever the lease
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

ini_set('rustredis.lock_max_hold', (string) ($most = 3 * slowness()));
foreach (['a shorter lease' => $most / 6, 'a longer lease' => $most * 10] as $what => $lease) {
    ini_set('rustredis.lock_lease', (string) $lease);
    store_session($id = new_id(), ['n' => 1]);
    start($id);
    $begun = microtime(true);
    $ends = [];
    for ($i = 0; $i < 4; $i++) {
        usleep((int) ($most / 6 * 1e6));
        $reset = session_reset();
        $left = redis()->pttl(lock_key($id)) / 1000;
        ok("$what: the reset has the lock", $reset && $left > 0 && $_SESSION === ['n' => 1]);
        $ends[] = microtime(true) - $begun + $left;
    }
    ok("$what: no lease ends later than lock_max_hold", max($ends) < $most + 0.1, $ends);
    poll("$what: the lock to end", fn () => !is_locked($id), $most * 2);
    $ended = microtime(true) - $begun;
    ok('and it is renewed no longer', $ended < $most * 1.5, $ended);
    $_SESSION['n'] = 2;
    $got = warnings_of(fn () => session_write_close());
    ok('what comes later is refused', str_contains(implode($got), 'it ran longer than rustredis.lock_max_hold'), $got);
    same('and what is stored stays', 'n|i:1;', redis()->get(data_key($id)));

    start($id);
    usleep((int) ($most / 6 * 1e6));
    same("$what: the next start has its whole time", true, session_write_close());
}
--EXPECTREGEX--
(ok: [^\n]*\n?){18}
