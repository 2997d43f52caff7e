--TEST--
a logout under the old id, between two changes of the id in another request, ends that request's session
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

ini_set('session.use_strict_mode', '1');
foreach (['session_destroy()' => '', 'an emptied session' => '$_SESSION = []; '] as $how => $empties) {
    foreach (['1', '0'] as $locking) {
        foreach (['true', 'false'] as $deletes) {
            start($old = new_id(), ['use_strict_mode' => 0]);
            $_SESSION['n'] = 1;
            rustredis_user(new_id());
            session_write_close();
            start($old);
            session_regenerate_id($deletes === 'true');
            $logout = $empties . ($empties === '' ? 'session_destroy()' : 'session_regenerate_id(true)');
            $child = Child::run("start(\$argv[1]); say(json_encode(\$_SESSION)); $logout; session_status() === PHP_SESSION_ACTIVE && session_write_close();",
                [$old], ['rustredis.locking' => $locking, 'session.use_strict_mode' => '1']);
            same("$how, locking=$locking, regenerate($deletes): it reads the copy", '{"n":1}', $child->line());
            same('and logs out', '', $child->output());
            $got = warnings_of(function () {
                session_regenerate_id(true);
                $_SESSION['n'] = 2;
                session_write_close();
            });
            ok('the other request saves nothing, and says so', str_contains(implode($got), 'was not saved'), $got);
            same('the session has ended', 0, redis()->exists(data_key(session_id()), data_key($old), lock_key(session_id())));
        }
    }
}
--EXPECTREGEX--
(ok: [^\n]*\n?){32}
