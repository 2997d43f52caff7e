--TEST--
a server that lacks commands which are only a courtesy: sessions work, without a word
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

foreach (['CLIENT', 'WATCH', 'MULTI', 'RENAME'] as $command) {
    $server = RedisServer::start(['--rename-command', $command, '']);
    ini_set('session.save_path', $server->save_path());
    $id = new_id();
    $got = warnings_of(function () use (&$id, $command) {
        for ($i = 0; $i < 3; $i++) {
            same("$command: start $i", true, start($id));
            $_SESSION['n'] = $i;
            same("$command: save $i", true, session_write_close());
        }
        foreach (['1', '0'] as $locking) {
            ini_set('rustredis.locking', $locking);
            start($id);
            same("$command: a new id, locking $locking", true, session_regenerate_id(true));
            $id = session_id();
            session_write_close();
        }
        ini_set('rustredis.locking', '1');
    });
    same("$command: no warning", [], $got);
    same("$command: stored", 'n|i:2;', $server->resp()->get(data_key($id)));
}
--EXPECT--
ok: CLIENT: start 0
ok: CLIENT: save 0
ok: CLIENT: start 1
ok: CLIENT: save 1
ok: CLIENT: start 2
ok: CLIENT: save 2
ok: CLIENT: a new id, locking 1
ok: CLIENT: a new id, locking 0
ok: CLIENT: no warning
ok: CLIENT: stored
ok: WATCH: start 0
ok: WATCH: save 0
ok: WATCH: start 1
ok: WATCH: save 1
ok: WATCH: start 2
ok: WATCH: save 2
ok: WATCH: a new id, locking 1
ok: WATCH: a new id, locking 0
ok: WATCH: no warning
ok: WATCH: stored
ok: MULTI: start 0
ok: MULTI: save 0
ok: MULTI: start 1
ok: MULTI: save 1
ok: MULTI: start 2
ok: MULTI: save 2
ok: MULTI: a new id, locking 1
ok: MULTI: a new id, locking 0
ok: MULTI: no warning
ok: MULTI: stored
ok: RENAME: start 0
ok: RENAME: save 0
ok: RENAME: start 1
ok: RENAME: save 1
ok: RENAME: start 2
ok: RENAME: save 2
ok: RENAME: a new id, locking 1
ok: RENAME: a new id, locking 0
ok: RENAME: no warning
ok: RENAME: stored
