--TEST--
rustredis_status() counts what this process did
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$status = rustredis_status();
same('the keys', ['version', 'pid', 'starts', 'trips', 'lock_waits', 'refused_writes', 'reconnects', 'redirects', 'grace_reads', 'grace_refusals', 'pools', 'clusters', 'locks', 'advice', 'last', 'slow_locks', 'needless_locks'], array_keys($status));
same('the version', phpversion('phpsess_rs'), $status['version']);
same('the pid', getmypid(), $status['pid']);
same('nothing so far', [0, 0, 0, 0, 0, 0, [], [], []], [$status['starts'], $status['trips'], $status['lock_waits'], $status['refused_writes'], $status['reconnects'], $status['redirects'], (array) $status['pools'], (array) $status['clusters'], (array) $status['locks']]);
start(new_id());
$status = rustredis_status();
same('one start', 1, $status['starts']);
ok('round trips', $status['trips'] > 0);
same('one pool', 1, count($status['pools']));
ok('a lock that is held', count((array) $status['locks']) === 1, $status['locks']);
session_write_close();
ok('none after the close', count((array) rustredis_status()['locks']) === 0, rustredis_status()['locks']);
$function = new ReflectionFunction('rustredis_status');
same('the signature', [0, 'array'], [$function->getNumberOfParameters(), (string) $function->getReturnType()]);
--EXPECT--
ok: the keys
ok: the version
ok: the pid
ok: nothing so far
ok: one start
ok: round trips
ok: one pool
ok: a lock that is held
ok: none after the close
ok: the signature
