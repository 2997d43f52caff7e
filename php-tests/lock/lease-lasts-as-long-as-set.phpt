--TEST--
rustredis.lock_lease is how long the lock lasts; fractions count
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

foreach (['2.5' => 2500, '30' => 30000] as $setting => $ms) {
    ini_set('rustredis.lock_lease', $setting);
    $id = new_id();
    start($id);
    $ttl = redis()->pttl(lock_key($id));
    ok("$setting seconds", $ttl > $ms - 1500 && $ttl <= $ms, $ttl);
    session_abort();
}
--EXPECT--
ok: 2.5 seconds
ok: 30 seconds
