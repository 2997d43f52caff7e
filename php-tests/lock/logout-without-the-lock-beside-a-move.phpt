--TEST--
a logout by a request whose lock is gone ends the session that another request has moved, or fails and says so
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

ini_set('session.use_strict_mode', '1');
$move = 'session_id($argv[1]); session_start(); session_regenerate_id(true); $_SESSION["m"] = 1; session_write_close(); say(session_id());';
foreach (['with a user' => true, 'without a user' => false] as $who => $has_user) {
    foreach (['the lock is gone' => '1', 'the other page has no lock' => '0'] as $what => $locking) {
        start($old = new_id(), ['use_strict_mode' => 0]);
        $_SESSION['n'] = 1;
        $has_user && rustredis_user(new_id());
        session_write_close();
        start($old);
        if ($locking === '1') {
            redis()->del(lock_key($old));
        }
        $new = Child::run($move, [$old], ['rustredis.locking' => $locking])->line();
        $done = null;
        $got = warnings_of(function () use (&$done) {
            $done = session_destroy();
        });
        same("$what, $who: it ends, or fails", [$has_user, !$has_user], [(bool) $done, redis()->exists(data_key($new)) === 1]);
        ok('and says so', $has_user ? $got === [] : str_contains($got[0] ?? '', 'may go on under the new id'), $got);
        same('nothing can be read', 0, redis()->exists(side_key($old, 'OLD')));
        same('no lock is left', [false, false], [is_locked($old), is_locked($new)]);
    }
}
--EXPECT--
ok: the lock is gone, with a user: it ends, or fails
ok: and says so
ok: nothing can be read
ok: no lock is left
ok: the other page has no lock, with a user: it ends, or fails
ok: and says so
ok: nothing can be read
ok: no lock is left
ok: the lock is gone, without a user: it ends, or fails
ok: and says so
ok: nothing can be read
ok: no lock is left
ok: the other page has no lock, without a user: it ends, or fails
ok: and says so
ok: nothing can be read
ok: no lock is left