--TEST--
a session that is revoked before it is stored under its new id leaves no copy under the old one
--FILE--
<?php
require __DIR__ . '/user.inc';

ini_set('session.use_cookies', '0');
ini_set('session.use_strict_mode', '0');
ini_set('rustredis.regenerate_grace', '300');
set_error_handler(fn () => true);
foreach (['move,bind,revoke', 'move,bind,own', 'move,revoke', 'move,own', 'move,move,bind,revoke', 'move,move,bind,own'] as $calls) {
    foreach ([1, 0] as $locking) {
        ini_set('rustredis.locking', $locking);
        $user = new_user();
        start($id = new_id());
        $_SESSION['user'] = 'ann';
        rustredis_user($user);
        session_write_close();
        start($id);
        foreach (explode(',', $calls) as $call) {
            match ($call) {
                'move' => session_regenerate_id(true),
                'bind' => rustredis_user($user),
                'own' => rustredis_revoke(),
                'revoke' => Child::run('rustredis_revoke($argv[1]);', [$user])->output(),
            };
        }
        session_write_close();
        $new = session_id();
        start($id);
        same("$calls, $locking: the old id", [], $_SESSION);
        session_abort();
        same("$calls, $locking: nothing is stored", [null, null, []], [redis()->get(data_key($new)), redis()->get(side_key($id, 'OLD')), array_keys(on_list($user))]);
    }
}
--EXPECTREGEX--
(ok: [^\n]*\n?){24}
