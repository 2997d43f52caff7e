--TEST--
the settings and their defaults
--SKIPIF--
<?php
echo getenv('RUSTREDIS_ACL') ? 'skip a user is set for this run' : '';
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

foreach ([
    'rustredis.username' => '',
    'rustredis.password' => '',
    'rustredis.locking' => '1',
    'rustredis.lock_wait' => '10',
    'rustredis.lock_lease' => '10',
    'rustredis.lock_max_hold' => '300',
    'rustredis.lock_max_waiters' => '12',
    'rustredis.lock_mixed' => '0',
    'rustredis.lock_failure' => 'fail',
    'rustredis.lock_holder_uri' => '0',
    'rustredis.write_ack' => 'wait',
    'rustredis.prefetch' => '0',
    'rustredis.absolute_timeout' => '0',
    'rustredis.touch' => '1',
    'rustredis.regenerate_grace' => '10',
    'rustredis.first_lifetime' => '0',
    'rustredis.ended_memory' => '0',
    'rustredis.json_objects' => 'refuse',
    'rustredis.admin' => '0',
    'rustredis.connect_timeout' => '2',
    'rustredis.read_timeout' => '5',
    'rustredis.pool_size' => '0',
    'rustredis.pool_wait' => '5',
    'rustredis.prefix' => 'PHPREDIS_SESSION:',
    'rustredis.max_value_size' => '0',
    'rustredis.compression' => 'none',
    'rustredis.compression_level' => '0',
    'rustredis.compression_min_size' => '1K',
    'rustredis.slow_lock' => '0',
] as $name => $default) {
    $value = ini_get($name);
    // No value at all and the empty string are the same to a user.
    same($name, $default, $value === false && in_array($name, array_keys(ini_get_all('phpsess_rs'))) ? '' : $value);
}
same('and no others', 30, count(ini_get_all('phpsess_rs')));
--EXPECT--
ok: rustredis.username
ok: rustredis.password
ok: rustredis.locking
ok: rustredis.lock_wait
ok: rustredis.lock_lease
ok: rustredis.lock_max_hold
ok: rustredis.lock_max_waiters
ok: rustredis.lock_mixed
ok: rustredis.lock_failure
ok: rustredis.lock_holder_uri
ok: rustredis.write_ack
ok: rustredis.prefetch
ok: rustredis.absolute_timeout
ok: rustredis.touch
ok: rustredis.regenerate_grace
ok: rustredis.first_lifetime
ok: rustredis.ended_memory
ok: rustredis.json_objects
ok: rustredis.admin
ok: rustredis.connect_timeout
ok: rustredis.read_timeout
ok: rustredis.pool_size
ok: rustredis.pool_wait
ok: rustredis.prefix
ok: rustredis.max_value_size
ok: rustredis.compression
ok: rustredis.compression_level
ok: rustredis.compression_min_size
ok: rustredis.slow_lock
ok: and no others
