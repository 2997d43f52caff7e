--TEST--
session.gc_maxlifetime below 1: 1440 seconds are used, and one warning a process says so
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

foreach (['0', '-1', '-86400'] as $i => $value) {
    ini_set('session.gc_maxlifetime', $value);
    $id = new_id();
    $got = warnings_of(function () use ($id) {
        start($id);
        $_SESSION['n'] = 1;
        session_write_close();
        start($id);
        session_write_close();
        start($id, ['read_and_close' => true]);
    });
    check_warnings("the warnings with $value", $got, $i === 0 ? [['rustredis: ', 'gc_maxlifetime', '1440']] : []);
    $ttl = redis()->ttl(data_key($id));
    ok("the TTL with $value", $ttl > 1430 && $ttl <= 1440, $ttl);
    same("the value with $value", 'n|i:1;', redis()->get(data_key($id)));
}
--EXPECT--
ok: the warnings with 0
ok: the TTL with 0
ok: the value with 0
ok: the warnings with -1
ok: the TTL with -1
ok: the value with -1
ok: the warnings with -86400
ok: the TTL with -86400
ok: the value with -86400
