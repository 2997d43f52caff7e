--TEST--
a bad value is refused when it is set: one warning with the setting, the value and what is allowed
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

foreach ([
    ['rustredis.locking', 'maybe'],
    ['rustredis.lock_wait', '-1'],
    ['rustredis.lock_wait', 'soon'],
    ['rustredis.lock_wait', ''],
    ['rustredis.lock_wait', 'NAN'],
    ['rustredis.lock_wait', 'INF'],
    ['rustredis.lock_wait', '1e400'],
    ['rustredis.lock_wait', '10 s'],
    ['rustredis.lock_lease', '0'],
    ['rustredis.lock_lease', '-5'],
    ['rustredis.lock_lease', 'x'],
    ['rustredis.lock_max_hold', '-1'],
    ['rustredis.lock_max_waiters', '-1'],
    ['rustredis.lock_max_waiters', '1.5'],
    ['rustredis.lock_mixed', '2x'],
    ['rustredis.lock_failure', 'ignore'],
    ['rustredis.connect_timeout', '0'],
    ['rustredis.connect_timeout', '-1'],
    ['rustredis.read_timeout', '0'],
    ['rustredis.read_timeout', 'x'],
    ['rustredis.max_value_size', '-1'],
    ['rustredis.max_value_size', '1.5'],
    ['rustredis.max_value_size', 'big'],
    ['rustredis.write_ack', 'later'],
    ['rustredis.write_ack', ''],
    ['rustredis.compression', 'gzip'],
    ['rustredis.compression', 'ZSTD'],
    ['rustredis.compression_level', '-1'],
    ['rustredis.compression_level', '23'],
    ['rustredis.compression_level', 'best'],
    ['rustredis.compression_min_size', '-1'],
    ['rustredis.compression_min_size', '1KB'],
    ['rustredis.absolute_timeout', '-1'],
    ['rustredis.absolute_timeout', '2h'],
    ['rustredis.touch', '2'],
    ['rustredis.regenerate_grace', '301'],
    ['rustredis.regenerate_grace', '-1'],
    ['rustredis.first_lifetime', '-1'],
    ['rustredis.first_lifetime', '1.5'],
    ['rustredis.ended_memory', '-1'],
] as [$name, $value]) {
    $before = ini_get($name);
    $got = warnings_of(function () use ($name, $value, &$result) {
        $result = ini_set($name, $value);
    });
    $shown = $value === '' ? '' : preg_quote($value);
    $ok = $result === false && ini_get($name) === $before;
    check_warnings("$name=$value" . ($ok ? '' : ' was taken'), $got, [['rustredis: ', preg_quote($name), $shown]]);
}
--EXPECT--
ok: rustredis.locking=maybe
ok: rustredis.lock_wait=-1
ok: rustredis.lock_wait=soon
ok: rustredis.lock_wait=
ok: rustredis.lock_wait=NAN
ok: rustredis.lock_wait=INF
ok: rustredis.lock_wait=1e400
ok: rustredis.lock_wait=10 s
ok: rustredis.lock_lease=0
ok: rustredis.lock_lease=-5
ok: rustredis.lock_lease=x
ok: rustredis.lock_max_hold=-1
ok: rustredis.lock_max_waiters=-1
ok: rustredis.lock_max_waiters=1.5
ok: rustredis.lock_mixed=2x
ok: rustredis.lock_failure=ignore
ok: rustredis.connect_timeout=0
ok: rustredis.connect_timeout=-1
ok: rustredis.read_timeout=0
ok: rustredis.read_timeout=x
ok: rustredis.max_value_size=-1
ok: rustredis.max_value_size=1.5
ok: rustredis.max_value_size=big
ok: rustredis.write_ack=later
ok: rustredis.write_ack=
ok: rustredis.compression=gzip
ok: rustredis.compression=ZSTD
ok: rustredis.compression_level=-1
ok: rustredis.compression_level=23
ok: rustredis.compression_level=best
ok: rustredis.compression_min_size=-1
ok: rustredis.compression_min_size=1KB
ok: rustredis.absolute_timeout=-1
ok: rustredis.absolute_timeout=2h
ok: rustredis.touch=2
ok: rustredis.regenerate_grace=301
ok: rustredis.regenerate_grace=-1
ok: rustredis.first_lifetime=-1
ok: rustredis.first_lifetime=1.5
ok: rustredis.ended_memory=-1
