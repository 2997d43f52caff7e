--TEST--
read_and_close of a visitor without a session takes no lock and one trip, with strict mode and without
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

/** Returns what the metrics count of a session that is started without an id. */
function counted(): array
{
    $metrics = fn () => rustredis_metrics();
    $value = function (string $text, string $name): int {
        preg_match('/^rustredis_' . preg_quote($name, '/') . ' (\d+)/m', $text, $found);
        return (int) ($found[1] ?? -1);
    };
    $names = ['sessions_started_total{mode="read"}', 'sessions_started_total{mode="locked"}', 'locked_unchanged_total',
        'lock_hold_seconds_count'];
    $before = $metrics();
    start('', ['read_and_close' => true]);
    $after = $metrics();
    return array_map(fn ($name) => $value($after, $name) - $value($before, $name), $names);
}

// Connects, so that no trip is that of a new connection.
rustredis_ping();
foreach (['1', '0'] as $strict) {
    ini_set('session.use_strict_mode', $strict);
    same('it is read', [1, 0, 0, 0], counted());
    $id = session_id();
    ok('there is an id', preg_match('/^[\w,-]{22,}$/', $id) === 1, $id);
    same('the session is empty', [[], 'read'], [$_SESSION, rustredis_status()['last']['outcome']]);
    same('nothing is stored', [], redis()->keys("*$id*"));
    same('one trip', 1, trips(fn () => start('', ['read_and_close' => true])));
}

// A start that changes the session has its lock.
ini_set('session.use_strict_mode', '1');
start('');
$id = session_id();
same('another start is locked', true, is_locked($id));
--EXPECT--
ok: it is read
ok: there is an id
ok: the session is empty
ok: nothing is stored
ok: one trip
ok: it is read
ok: there is an id
ok: the session is empty
ok: nothing is stored
ok: one trip
ok: another start is locked
