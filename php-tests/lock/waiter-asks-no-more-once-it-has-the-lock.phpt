--TEST--
a request that waited and was handed the lock does not go on asking
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
start($id);
$child = Child::run('
    $before = rustredis_status();
    start($argv[1]);
    session_write_close();
    $after = rustredis_status();
    say(($after["trips"] - $before["trips"]) . " " . ($after["lock_waits"] - $before["lock_waits"]));', [$id]);
poll('the waiter', fn () => redis()->zcard(side_key($id, 'WAITERS')) === 1);
session_write_close();
[$trips, $waits] = explode(' ', $child->line());
// Connecting comes on top, and in a Cluster the map of its slots, over a connection of its own.
ok('ask, block, claim, release', $trips <= (IN_CLUSTER ? 7 : 5), $trips);
same('one wait is counted', '1', $waits);
same('and ends', '', $child->output());
--EXPECT--
ok: ask, block, claim, release
ok: one wait is counted
ok: and ends
