--TEST--
session_reset() takes a login back that was not saved, as it takes back the values, and with it the place on the list
--FILE--
<?php
require __DIR__ . '/user.inc';

foreach (['1', '0'] as $locking) {
    ini_set('rustredis.locking', $locking);
    foreach (['a visitor' => null, 'another user' => new_user()] as $who => $before) {
        foreach ([true, false] as $moves) {
            $case = "locking=$locking, $who" . ($moves ? ', a new id' : '');
            if ($before === null) {
                store_session($id = new_id(), ['n' => 1]);
            } else {
                $id = login($before);
            }
            start($id);
            $moves && session_regenerate_id(true);
            rustredis_user($user = new_user());
            same("$case: reset", true, session_reset());
            same('the user of before', $before === null ? null : list_name($before), rustredis_session()['user'] ?? null);
            poll('the list', fn () => on_list($user) === []);
            $_SESSION['n'] = 2;
            same('it is saved', [], warnings_of(fn () => session_write_close()));
            $id = session_id();
            same('the user has no session', [0, true, $before === null ? null : list_name($before)],
                [rustredis_revoke($user), lives($id), state($id)['user'] ?? null ?: null]);

            start($id);
            rustredis_user($user);
            session_reset();
            rustredis_user($user);
            session_write_close();
            same('a login after it', [[$id], 1, false], [array_keys(on_list($user)), rustredis_revoke($user), lives($id)]);
            $before && rustredis_revoke($before);
        }
    }
}
--EXPECT--
ok: locking=1, a visitor, a new id: reset
ok: the user of before
ok: it is saved
ok: the user has no session
ok: a login after it
ok: locking=1, a visitor: reset
ok: the user of before
ok: it is saved
ok: the user has no session
ok: a login after it
ok: locking=1, another user, a new id: reset
ok: the user of before
ok: it is saved
ok: the user has no session
ok: a login after it
ok: locking=1, another user: reset
ok: the user of before
ok: it is saved
ok: the user has no session
ok: a login after it
ok: locking=0, a visitor, a new id: reset
ok: the user of before
ok: it is saved
ok: the user has no session
ok: a login after it
ok: locking=0, a visitor: reset
ok: the user of before
ok: it is saved
ok: the user has no session
ok: a login after it
ok: locking=0, another user, a new id: reset
ok: the user of before
ok: it is saved
ok: the user has no session
ok: a login after it
ok: locking=0, another user: reset
ok: the user of before
ok: it is saved
ok: the user has no session
ok: a login after it
