--TEST--
good values are taken, fractions of seconds and PHP's words for booleans among them
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

foreach ([
    ['rustredis.locking', '0'], ['rustredis.locking', '1'], ['rustredis.locking', 'off'], ['rustredis.locking', 'On'],
    ['rustredis.lock_wait', '0'], ['rustredis.lock_wait', '0.25'], ['rustredis.lock_wait', '60'],
    ['rustredis.lock_lease', '2.5'], ['rustredis.lock_max_hold', '600'], ['rustredis.lock_max_waiters', '10'],
    ['rustredis.lock_failure', 'readonly'], ['rustredis.lock_failure', 'fail'],
    ['rustredis.connect_timeout', '0.5'], ['rustredis.read_timeout', '1.5'], ['rustredis.max_value_size', '1000000'],
    ['rustredis.compression', 'zstd'], ['rustredis.compression', 'lz4'], ['rustredis.compression', 'none'], ['rustredis.compression', ''], ['rustredis.compression_level', '22'],
    ['rustredis.compression_min_size', '0'],
    ['rustredis.touch', '0'], ['rustredis.touch', 'on'], ['rustredis.regenerate_grace', '0'], ['rustredis.regenerate_grace', '300'], ['rustredis.first_lifetime', '0'], ['rustredis.first_lifetime', '300'],
    ['rustredis.prefix', 'app:'], ['rustredis.prefix', ''],
] as [$name, $value]) {
    $got = warnings_of(function () use ($name, $value, &$result) {
        $result = ini_set($name, $value);
    });
    same("$name=$value", [[], true, $value], [$got, $result !== false, ini_get($name)]);
}
--EXPECT--
ok: rustredis.locking=0
ok: rustredis.locking=1
ok: rustredis.locking=off
ok: rustredis.locking=On
ok: rustredis.lock_wait=0
ok: rustredis.lock_wait=0.25
ok: rustredis.lock_wait=60
ok: rustredis.lock_lease=2.5
ok: rustredis.lock_max_hold=600
ok: rustredis.lock_max_waiters=10
ok: rustredis.lock_failure=readonly
ok: rustredis.lock_failure=fail
ok: rustredis.connect_timeout=0.5
ok: rustredis.read_timeout=1.5
ok: rustredis.max_value_size=1000000
ok: rustredis.compression=zstd
ok: rustredis.compression=lz4
ok: rustredis.compression=none
ok: rustredis.compression=
ok: rustredis.compression_level=22
ok: rustredis.compression_min_size=0
ok: rustredis.touch=0
ok: rustredis.touch=on
ok: rustredis.regenerate_grace=0
ok: rustredis.regenerate_grace=300
ok: rustredis.first_lifetime=0
ok: rustredis.first_lifetime=300
ok: rustredis.prefix=app:
ok: rustredis.prefix=
