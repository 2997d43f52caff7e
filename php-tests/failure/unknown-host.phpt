--TEST--
a host name that does not resolve
--INI--
rustredis.connect_timeout=2
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

ini_set('session.save_path', 'tcp://no-such-host.invalid:6379');
$got = warnings_of(function () use (&$result) {
    $result = start(new_id());
});
same('session_start() is false', false, $result);
check_warnings('the warning says which', $got, [['rustredis: ', 'no-such-host\.invalid'], READ_FAILED]);
--EXPECT--
ok: session_start() is false
ok: the warning says which
