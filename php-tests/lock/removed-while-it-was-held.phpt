--TEST--
a lock whose key was removed is told as that, not as a request that took too long
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
foreach ([null, foreign_token()] as $next) {
    store_session($id, ['n' => 1]);
    start($id);
    redis()->del(lock_key($id));
    if ($next) {
        redis()->set(lock_key($id), $next, 'PX', 60000);
    }
    $_SESSION['n'] = 2;
    $got = warnings_of(fn () => session_write_close());
    check_warnings('the warning', $got, [['its key was removed from Redis: evicted', $next ? 'held by' : 'others may have'], WRITE_FAILED], $id);
    ok('it blames no setting', !str_contains(implode(' ', $got), 'lock_max_hold') && !str_contains(implode(' ', $got), 'lock_lease'), $got);
    same('the stored session stays', 'n|i:1;', redis()->get(data_key($id)));
}
redis()->del(lock_key($id));
ini_set('rustredis.lock_lease', '1');
ini_set('rustredis.lock_max_hold', '1');
start($id);
// By the clock of this process, too, which begins a moment later than that of Redis.
poll('the lock ends', fn () => !is_locked($id) && rustredis_status()['locks'][0]['held_ms'] >= 1000);
$_SESSION['n'] = 3;
$got = warnings_of(fn () => session_write_close());
check_warnings('one that did take too long', $got, [['it ran longer than rustredis.lock_max_hold'], WRITE_FAILED], $id);
--EXPECT--
ok: the warning
ok: it blames no setting
ok: the stored session stays
ok: the warning
ok: it blames no setting
ok: the stored session stays
ok: one that did take too long
