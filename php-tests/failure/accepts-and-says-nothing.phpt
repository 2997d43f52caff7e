--TEST--
a port that accepts connections and never answers
--INI--
rustredis.connect_timeout=1
rustredis.read_timeout=1
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$listener = stream_socket_server('tcp://127.0.0.1:0');
$address = stream_socket_get_name($listener, false);
ini_set('session.save_path', "tcp://$address");
$time = seconds(function () use (&$got, &$result) {
    $got = warnings_of(function () use (&$result) {
        $result = start(new_id());
    });
});
same('session_start() is false', false, $result);
check_warnings('one warning', $got, [['rustredis: ', preg_quote($address), 'read_timeout|no answer|timed out|timeout'], READ_FAILED]);
ok('in time', $time < 10, $time);
--EXPECT--
ok: session_start() is false
ok: one warning
ok: in time
