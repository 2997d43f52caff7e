--TEST--
Redis is at its maxmemory: a new session is not stored, the cause is named, no lock is left
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$server = RedisServer::start(['--maxmemory-policy', 'noeviction']);
$server->resp()->config('SET', 'maxmemory', '1');
ini_set('session.save_path', $server->save_path());
$id = new_id();
$got = warnings_of(function () use ($id) {
    if (start($id)) {
        $_SESSION['n'] = 1;
        session_write_close();
    }
});
// Small keys such as the lock may still fit: reading is better than refusing.
check_warnings('one warning of ours, one of PHP', $got, [['rustredis: ', $server->address(), 'OOM|memory', 'maxmemory'], READ_FAILED . '|' . WRITE_FAILED], $id);
same('nothing is stored', null, $server->resp()->get(data_key($id)));
same('no lock is left', false, is_locked($id, $server->resp()));
--EXPECT--
ok: one warning of ours, one of PHP
ok: nothing is stored
ok: no lock is left
