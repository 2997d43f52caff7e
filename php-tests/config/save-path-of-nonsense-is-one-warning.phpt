--TEST--
save_path that makes no sense: one warning that names the setting, no crash
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

foreach (['/var/lib/php/sessions', 'tcp://', 'tcp://:6379', 'tcp://h:0', 'tcp://h:65536', 'tcp://h:-1', 'redis://', 'unix://', 'tcp://h?auth',
    'tcp://h?database=-1', 'tcp://h?timeout=-1', 'tcp://h?prefix=%zz', 'tcp://h?=', '://', '?', '%', str_repeat('x', 100000)] as $path) {
    ini_set('session.save_path', $path);
    $got = warnings_of(function () use (&$result) {
        $result = start(new_id());
    });
    ok(substr($path, 0, 25), $result === false && count($got) === 2
        && str_starts_with($got[0], 'session_start(): rustredis: ') && strlen($got[0]) < 2000 && str_contains($got[0], 'save_path'), [$result, $got]);
}
--EXPECT--
ok: /var/lib/php/sessions
ok: tcp://
ok: tcp://:6379
ok: tcp://h:0
ok: tcp://h:65536
ok: tcp://h:-1
ok: redis://
ok: unix://
ok: tcp://h?auth
ok: tcp://h?database=-1
ok: tcp://h?timeout=-1
ok: tcp://h?prefix=%zz
ok: tcp://h?=
ok: ://
ok: ?
ok: %
ok: xxxxxxxxxxxxxxxxxxxxxxxxx
