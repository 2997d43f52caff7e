--TEST--
hosts, TLS and sentinels that are not there are named by one warning
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

foreach ([
    'several hosts' => ['tcp://127.0.0.1:1,tcp://127.0.0.1:1', 'tcp://127.0.0.1:1 '],
    'several hosts, white space' => ['tcp://127.0.0.1:1 tcp://127.0.0.1:1', 'tcp://127.0.0.1:1 '],
    'tls' => ['tls://127.0.0.1:1?stream[verify_peer]=0', 'tcp://127.0.0.1:1 \(TLS\)'],
    'rediss' => ['rediss://127.0.0.1:1?stream[verify_peer]=0', 'tcp://127.0.0.1:1 \(TLS\)'],
    'sentinel' => ['sentinel://127.0.0.1:1,127.0.0.1:2/mymaster', 'no sentinel led to the master "mymaster"'],
] as $name => [$path, $where]) {
    ini_set('session.save_path', $path);
    $got = warnings_of(function () use (&$result) {
        $result = start(new_id());
    });
    same("$name: session_start() is false", false, $result);
    check_warnings("$name: the warning", $got, [['^session_start\(\): rustredis: ', $where, 'Connection refused'], 'rustredis \(path: ']);
}
foreach ([
    'different prefixes' => ['tcp://127.0.0.1:1?prefix=a:,tcp://127.0.0.1:2?prefix=b:', 'must be the same'],
    'no weight' => ['tcp://127.0.0.1:1?weight=0,tcp://127.0.0.1:2?weight=0', 'weights'],
    'no master' => ['sentinel://127.0.0.1:1,127.0.0.1:2', "master's name"],
    'passphrase' => ['tls://127.0.0.1:1?stream[passphrase]=x', 'stream\[passphrase\] is not supported'],
] as $name => [$path, $what]) {
    ini_set('session.save_path', $path);
    $got = warnings_of(function () use (&$result) {
        $result = start(new_id());
    });
    same("$name: session_start() is false", false, $result);
    check_warnings("$name: the warning", $got, [['^session_start\(\): rustredis: ', $what], 'rustredis \(path: ']);
}
--EXPECT--
ok: several hosts: session_start() is false
ok: several hosts: the warning
ok: several hosts, white space: session_start() is false
ok: several hosts, white space: the warning
ok: tls: session_start() is false
ok: tls: the warning
ok: rediss: session_start() is false
ok: rediss: the warning
ok: sentinel: session_start() is false
ok: sentinel: the warning
ok: different prefixes: session_start() is false
ok: different prefixes: the warning
ok: no weight: session_start() is false
ok: no weight: the warning
ok: no master: session_start() is false
ok: no master: the warning
ok: passphrase: session_start() is false
ok: passphrase: the warning
