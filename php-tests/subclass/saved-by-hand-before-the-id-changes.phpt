--TEST--
a session that a handler class saves by hand goes on under the next id, and a planted id shows none of its values
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

session_set_save_handler($handler = new class extends SessionHandler {});
$save = fn () => $handler->write(session_id(), session_encode());
$late = function (string $id, string $locking): string {
    $child = Child::run('start($argv[1]); say(json_encode($_SESSION));', [$id], ['rustredis.locking' => $locking]);
    return $child->line();
};
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
            same('the browser has the copy', '{"n":1}', $late($old, $locking));

            start($planted = new_id());
            $_SESSION['secret'] = 3;
            $has_user && rustredis_user(new_id());
            $save();
            session_regenerate_id($deletes);
            session_write_close();
            same('it is saved', 'secret|i:3;', redis()->get(data_key(session_id())));
            same('the planted id shows nothing', '[]', $late($planted, $locking));
        }
    }
}
--EXPECTREGEX--
(ok: [^\n]*\n?){32}
