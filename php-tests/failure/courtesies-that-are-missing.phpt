--TEST--
a server that lacks commands which are only a courtesy: sessions work, without a word
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

foreach (['CLIENT', 'WATCH', 'MULTI'] as $command) {
    $server = RedisServer::start(['--rename-command', $command, '']);
    ini_set('session.save_path', $server->save_path());
    $id = new_id();
    $got = warnings_of(function () use ($id, $command) {
        for ($i = 0; $i < 3; $i++) {
            same("$command: start $i", true, start($id));
            $_SESSION['n'] = $i;
            same("$command: save $i", true, session_write_close());
        }
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
ok: CLIENT: no warning
ok: CLIENT: stored
ok: WATCH: start 0
ok: WATCH: save 0
ok: WATCH: start 1
ok: WATCH: save 1
ok: WATCH: start 2
ok: WATCH: save 2
ok: WATCH: no warning
ok: WATCH: stored
ok: MULTI: start 0
ok: MULTI: save 0
ok: MULTI: start 1
ok: MULTI: save 1
ok: MULTI: start 2
ok: MULTI: save 2
ok: MULTI: no warning
ok: MULTI: stored
