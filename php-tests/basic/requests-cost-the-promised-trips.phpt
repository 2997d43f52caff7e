--TEST--
round trips, as the server sees them: changed 2, unchanged 2, read_and_close 1, abort 2, regenerate 4
--INI--
session.use_strict_mode=1
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$server = RedisServer::start();
ini_set('session.save_path', $server->save_path());
$monitor = $server->resp();
$monitor->monitor();
$control = $server->resp();
// What is sent in one write: all that a try for a session has behind its first command; a transaction; a new value, then
// the script that moves it.
$follows = [
    'SET' => '/^"UNWATCH"/', 'EXPIRE' => '/^"SET" "[^"]*_LOCK" .* "NX"/', 'WATCH' => '/^"EXPIRE"/', 'EXISTS' => '/^"WATCH"/',
    'MGET' => '/^"(EXPIRE|EXISTS)"/', 'EVALSHA' => '/^"SET" "[^"]*_NEW:/',
];
[$last, $in_transaction] = ['', false];
$goes_along = function (string $line) use (&$last, &$in_transaction, $follows) {
    [$before, $last] = [$last, preg_replace('/^.*?\] /', '', $line)];
    preg_match('/^"(\w+)"/', $last, $command);
    $was_in_transaction = $in_transaction;
    $in_transaction = $command[1] === 'MULTI' || $in_transaction && $command[1] !== 'EXEC';
    return $was_in_transaction || preg_match($follows[$command[1]] ?? '/^(?!)/', $before);
};
// One command of a client is one line of MONITOR without "lua"; this test's own client marks the ends.
$commands = function (callable $what) use ($monitor, $control, $goes_along) {
    $control->echo('begin');
    $what();
    $control->echo('end');
    $seen = [];
    while (($line = $monitor->line(5)) !== null && !str_contains($line, '"end"')) {
        if (str_contains($line, '"begin"')) {
            $seen = [];
        } elseif (!str_contains($line, 'lua]') && !$goes_along($line)) {
            $seen[] = substr($line, 0, 120);
        }
    }
    return $seen;
};
$id = new_id();
store_session($id, ['n' => 1], 1440, $control);
// The first sessions of a process make the connection and load the scripts.
foreach ([1, 2] as $n) {
    start($id);
    $_SESSION['n'] = -$n;
    session_write_close();
    start($id, ['read_and_close' => true]);
    start($id);
    session_abort();
    start($id);
    session_regenerate_id(true);
    $_SESSION['n'] = 0;
    session_write_close();
    $id = session_id();
}
store_session($other = new_id(), ['n' => 1], 1440, $control);
$cases = [
    'changed' => [2, function () use ($id) {
        start($id);
        $_SESSION['n']++;
        session_write_close();
    }],
    'changed, large' => [2, function () use ($id) {
        start($id);
        $_SESSION['large'] = random_bytes(3000);
        session_write_close();
    }],
    'unchanged' => [2, function () use ($id) {
        start($id);
        session_write_close();
    }],
    'read_and_close' => [1, fn () => start($id, ['read_and_close' => true])],
    'abort' => [2, function () use ($id) {
        start($id);
        $_SESSION['n']++;
        session_abort();
    }],
    // A session whose id has not changed a moment ago: the copy that goes then costs one more.
    'regenerate_id(true) and a change' => [4, function () use ($other) {
        start($other);
        session_regenerate_id(true);
        $_SESSION['n']++;
        session_write_close();
    }],
];
foreach ($cases as $name => [$most, $what]) {
    $counted = rustredis_status()['trips'];
    $seen = $commands($what);
    $counted = rustredis_status()['trips'] - $counted;
    ok($name, count($seen) <= $most, $seen);
    ok("$name: the extension counts the same", $counted === count($seen), [$counted, $seen]);
}
--EXPECT--
ok: changed
ok: changed: the extension counts the same
ok: changed, large
ok: changed, large: the extension counts the same
ok: unchanged
ok: unchanged: the extension counts the same
ok: read_and_close
ok: read_and_close: the extension counts the same
ok: abort
ok: abort: the extension counts the same
ok: regenerate_id(true) and a change
ok: regenerate_id(true) and a change: the extension counts the same
