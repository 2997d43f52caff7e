--TEST--
a request that deletes its old id by itself keeps the new session, and hides no logout and no revocation before that
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class Handler extends SessionHandler
{
    public function delete(string $id): bool { return parent::destroy($id); }
}
session_set_save_handler($handler = new Handler());
$others = [
    'nothing' => '',
    'a logout' => 'start($argv[1]); session_destroy();',
    'a revocation' => 'say(rustredis_revoke($argv[2]));',
];
foreach (['1', '0'] as $locking) {
    ini_set('rustredis.locking', $locking);
    foreach ($others as $what => $code) {
        foreach ([true, false] as $is_first) {
            start($old = new_id());
            $_SESSION['n'] = 1;
            rustredis_user($user = new_id());
            session_write_close();
            start($old);
            rustredis_user(new_id());
            session_regenerate_id(true);
            $is_first || $handler->delete($old);
            if ($code !== '') {
                Child::run($code, [$old, $user], ['rustredis.locking' => $locking])->output();
            }
            $deleted = !$is_first || $handler->delete($old);
            $_SESSION['n'] = 2;
            $got = warnings_of(fn () => session_write_close());
            $case = "locking=$locking, $what " . ($is_first ? 'before' : 'behind') . ' the own end';
            ok("$case: it deletes the old id", $deleted);
            // A logout finds no session any more behind the own end.
            if ($code === '' || ($what === 'a logout' && !$is_first)) {
                same("$case: the new session is saved", [[], 1], [$got, redis()->exists(data_key(session_id()))]);
            } else {
                ok("$case: the request saves nothing, and says so", str_contains(implode($got), 'was not saved'), $got);
                same("$case: no session lives", 0, redis()->exists(data_key(session_id()), data_key($old)));
            }
        }
    }
}
--EXPECTREGEX--
(ok: [^\n]*\n?){30}
