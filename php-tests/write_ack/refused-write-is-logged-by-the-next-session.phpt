--TEST--
write_ack=deferred: a write that Redis refuses is logged during the next session, with the session that it belongs to
--INI--
rustredis.write_ack=deferred
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class Forgets extends SessionHandler
{
    public function close(): bool
    {
        return true;
    }
}
$server = RedisServer::start(['--maxmemory-policy', 'noeviction']);
ini_set('session.save_path', $server->save_path());
foreach ([new SessionHandler(), new Forgets()] as $handler) {
    session_set_save_handler($handler, false);
    ini_set('error_log', $log = temp_file(''));
    $id = new_id();
    store_session($id, ['n' => 1], 1440, $server->resp());
    start($id);
    $_SESSION['n'] = 2;
    $server->resp()->config('SET', 'maxmemory', '1');
    same('nothing is said at the write', [], warnings_of(fn () => same('it is true', true, session_write_close())));
    poll('the lock to be free', fn () => !is_locked($id, $server->resp()));
    $server->resp()->config('SET', 'maxmemory', '0');
    $other = new_id();
    same('nothing is raised', [], warnings_of(fn () => same('the next session starts', true, start($other) && session_write_close())));
    check_warnings('the log', file($log, FILE_IGNORE_NEW_LINES), [[
        '\] PHP Warning:  rustredis: session ' . substr($id, 0, 6) . '\.\.\. at ',
        'was not saved by an earlier request',
        'maxmemory',
    ]], $id);
    same('what was stored stays', 'n|i:1;', $server->resp()->get(data_key($id)));
    same('it is told once', [1, []], [count(file($log)), warnings_of(fn () => start($id))]);
    same('the session as it was', 1, $_SESSION['n']);
    session_abort();
    start($other, ['read_and_close' => true]);
    session_write_close();
}
--EXPECT--
ok: it is true
ok: nothing is said at the write
ok: the next session starts
ok: nothing is raised
ok: the log
ok: what was stored stays
ok: it is told once
ok: the session as it was
ok: it is true
ok: nothing is said at the write
ok: the next session starts
ok: nothing is raised
ok: the log
ok: what was stored stays
ok: it is told once
ok: the session as it was
