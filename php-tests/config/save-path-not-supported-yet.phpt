--TEST--
what is not supported yet is refused by a message that says so
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

foreach ([
    'cluster' => 'cluster://127.0.0.1:1,127.0.0.1:2',
    'seed' => 'seed[]=127.0.0.1:1&seed[]=127.0.0.1:2',
] as $name => $path) {
    ini_set('session.save_path', $path);
    $got = warnings_of(function () use (&$result) {
        $result = start(new_id());
    });
    same("$name: session_start() is false", false, $result);
    check_warnings("$name: the warning", $got, [['^session_start\(\): rustredis: ', 'not (yet )?supported|not .*yet'], 'rustredis \(path: ']);
}
--EXPECT--
ok: cluster: session_start() is false
ok: cluster: the warning
ok: seed: session_start() is false
ok: seed: the warning
