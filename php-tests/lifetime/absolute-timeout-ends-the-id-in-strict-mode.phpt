--TEST--
rustredis.absolute_timeout in strict mode: a session that is over gets another id, as any that is not there
--INI--
session.use_strict_mode=1
--FILE--
<?php
require __DIR__ . '/lifetime.inc';

foreach (['1', '0'] as $locking) {
    ini_set('rustredis.locking', $locking);
    store_session($id = new_id(), ['n' => 1]);
    set_state($id, ['end' => now() - 2000]);
    start($id);
    ok('another id', session_id() !== $id);
    same('an empty session', [], $_SESSION);
    session_write_close();
    same('the old one is gone', [null, 'absolute'], [redis()->get(data_key($id)), state($id)['reason']]);
    same('no lock is left', [false, false], [is_locked($id), is_locked(session_id())]);
}
--EXPECT--
ok: another id
ok: an empty session
ok: the old one is gone
ok: no lock is left
ok: another id
ok: an empty session
ok: the old one is gone
ok: no lock is left
