--TEST--
rustredis_status()['last']: the figures of the session before, for a trace
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$last = fn () => rustredis_status()['last'];
same('no session yet', null, $last());

$id = new_id();
store_session($id, ['n' => 1]);
start($id);
same('none has ended', null, $last());
usleep(20_000);
$_SESSION['n'] = 22;
session_write_close();
$first = $last();
same('names', ['wait_ms', 'held_ms', 'trips', 'bytes', 'changed', 'outcome', 'server'], array_keys($first));
same('stored', [true, 'stored', strlen('n|i:22;')], [$first['changed'], $first['outcome'], $first['bytes']]);
ok('its times', $first['wait_ms'] === 0.0 && $first['held_ms'] >= 20 && $first['held_ms'] < 10_000, $first);
ok('its server', preg_match('/^(unix|[\w.:\[\]-]+:\d+)$/', $first['server']) === 1, $first);
same('no id', false, str_contains(json_encode($first), substr($id, 0, 6)));

/** The figures of one session, whose trips are those that the process has counted. */
function figures(callable $session): array
{
    $trips = trips($session);
    $last = rustredis_status()['last'];
    same('trips', $trips, $last['trips']);
    return [$last['outcome'], $last['changed'], $last['bytes']];
}

same('unchanged', ['unchanged', false, 7], figures(function () use ($id) { start($id); session_write_close(); }));
same('given up', ['unchanged', false, 7], figures(function () use ($id) { start($id); session_abort(); }));
same('read', ['read', false, 7], figures(fn () => start($id, ['read_and_close' => true])));
$unchanged = fn () => preg_match('/^rustredis_locked_unchanged_total (\d+)/m', rustredis_metrics(), $found) ? (int) $found[1] : -1;
$before = $unchanged();
ini_set('rustredis.max_value_size', '10');
same('too large', ['refused', true, 7], figures(fn () => warnings_of(function () use ($id) {
    start($id);
    $_SESSION['long'] = str_repeat('x', 100);
    session_write_close();
})));
ini_restore('rustredis.max_value_size');
same('its lock was of use', $before, $unchanged());
same('destroyed', ['ended', true, 7], figures(function () use ($id) { start($id); session_destroy(); }));

$id = new_id();
redis()->set(lock_key($id), foreign_token(), 'PX', 30000);
ini_set('rustredis.lock_wait', '0.2');
warnings_of(fn () => start($id));
$timeout = $last();
same('not its turn', ['timeout', false, 0], [$timeout['outcome'], $timeout['changed'], $timeout['bytes']]);
ok('its wait', $timeout['wait_ms'] >= 150 && $timeout['wait_ms'] < 10_000, $timeout);
--EXPECT--
ok: no session yet
ok: none has ended
ok: names
ok: stored
ok: its times
ok: its server
ok: no id
ok: trips
ok: unchanged
ok: trips
ok: given up
ok: trips
ok: read
ok: trips
ok: too large
ok: its lock was of use
ok: trips
ok: destroyed
ok: not its turn
ok: its wait
