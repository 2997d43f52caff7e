--TEST--
the lock's value is a token and says who holds it; it expires
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
start($id);
$value = redis()->get(lock_key($id));
ok('token, clock, host, pid and SAPI', preg_match('/^o:[0-9a-f]{32}:\d+\|\d{13}\|' . preg_quote(gethostname()) . '\|' . getmypid() . '\|cli\|?/', $value) === 1, $value);
[, $ms] = explode('|', $value);
ok('the clock is the present', abs($ms / 1000 - time()) < 60, $ms);
$ttl = redis()->pttl(lock_key($id));
ok('it expires with the lease', $ttl > 0 && $ttl <= 10000, $ttl);
session_abort();
--EXPECT--
ok: token, clock, host, pid and SAPI
ok: the clock is the present
ok: it expires with the lease
