--TEST--
a session that a handler class saves by hand between two changes of its id goes on
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

session_set_save_handler($handler = new class extends SessionHandler {});
$save = fn () => $handler->write(session_id(), session_encode());
foreach (['1', '0'] as $locking) {
    ini_set('rustredis.locking', $locking);
    foreach ([true, false] as $has_user) {
        foreach ([true, false] as $deletes) {
            $case = "locking=$locking" . ($has_user ? ', a user' : '') . ($deletes ? ', true' : ', false');
            start($old = new_id());
            $_SESSION['n'] = 1;
            $has_user && rustredis_user(new_id());
            session_write_close();

            start($old);
            session_regenerate_id(true);
            $_SESSION['n'] = 2;
            $saved = $save();
            session_regenerate_id($deletes);
            $got = warnings_of(fn () => session_write_close());
            same("$case: it is saved", [true, [], 'n|i:2;'], [$saved, $got, redis()->get(data_key(session_id()))]);
        }
    }
}
--EXPECTREGEX--
(ok: [^\n]*\n?){8}
