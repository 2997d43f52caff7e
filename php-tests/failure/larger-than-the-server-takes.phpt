--TEST--
a session above the server's own limit: one warning in its words, the old session stays, the lock is free
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$server = RedisServer::start(['--proto-max-bulk-len', '1mb']);
ini_set('session.save_path', $server->save_path());
// Longer than the test looks for its end.
ini_set('rustredis.lock_lease', '60');
$ini = ['locking' => ['rustredis.locking' => '1'], 'deferred' => ['rustredis.write_ack' => 'deferred'], 'no locks' => ['rustredis.locking' => '0']];
foreach ($ini as $name => $settings) {
    foreach ($settings as $setting => $value) {
        ini_set($setting, $value);
    }
    foreach ([1_500_000, 20_000_000] as $size) {
        $id = new_id();
        store_session($id, ['old' => 1], redis: $server->resp());
        start($id);
        $_SESSION['x'] = str_repeat('x', $size);
        $connections = (int) preg_replace('/.*total_connections_received:(\d+).*/s', '$1', $server->resp()->info('stats'));
        $got = warnings_of(function () use ($id, $name) {
            session_write_close();
            if ($name === 'deferred') {
                // What became of it is said at the next use.
                start(new_id());
                session_write_close();
            }
        });
        $connections = (int) preg_replace('/.*total_connections_received:(\d+).*/s', '$1', $server->resp()->info('stats')) - $connections;
        $said = array_filter($got, fn ($warning) => str_contains(implode(' ', (array) $warning), 'proto-max-bulk-len'));
        same("$name, $size bytes: one warning in the server's words", 1, count($said));
        ok("$name, $size bytes: few connections", $connections <= 6, $connections);
        same("$name, $size bytes: the session is the old one", 'old|i:1;', $server->resp()->get(data_key($id)));
        poll('the lock', fn () => $name === 'deferred' || !is_locked($id, $server->resp()), 20);
    }
    ini_set('rustredis.write_ack', 'wait');
}
--EXPECT--
ok: locking, 1500000 bytes: one warning in the server's words
ok: locking, 1500000 bytes: few connections
ok: locking, 1500000 bytes: the session is the old one
ok: locking, 20000000 bytes: one warning in the server's words
ok: locking, 20000000 bytes: few connections
ok: locking, 20000000 bytes: the session is the old one
ok: deferred, 1500000 bytes: one warning in the server's words
ok: deferred, 1500000 bytes: few connections
ok: deferred, 1500000 bytes: the session is the old one
ok: deferred, 20000000 bytes: one warning in the server's words
ok: deferred, 20000000 bytes: few connections
ok: deferred, 20000000 bytes: the session is the old one
ok: no locks, 1500000 bytes: one warning in the server's words
ok: no locks, 1500000 bytes: few connections
ok: no locks, 1500000 bytes: the session is the old one
ok: no locks, 20000000 bytes: one warning in the server's words
ok: no locks, 20000000 bytes: few connections
ok: no locks, 20000000 bytes: the session is the old one
