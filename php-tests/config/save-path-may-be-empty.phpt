--TEST--
an empty save_path means tcp://127.0.0.1:6379
--INI--
session.save_path=""
rustredis.connect_timeout=1
rustredis.read_timeout=1
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

// Whatever listens on that port of this machine: the settings say where we go.
$got = warnings_of(function () use (&$result) {
    $result = start(new_id(), ['read_and_close' => true]);
});
ok('it goes there', $result === true || str_contains($got[0], '127.0.0.1:6379'), $got);
--EXPECT--
ok: it goes there
