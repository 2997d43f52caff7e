--TEST--
session.gc_maxlifetime below 1: 1440 seconds are used; an advice says so, and nothing is raised
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
    same("nothing is raised with $value", [], $got);
    $advice = rustredis_status()['advice'];
    ok("the advice with $value", count($advice) === $i + 1 && str_contains($advice[$i], "gc_maxlifetime is $value, ") && str_contains($advice[$i], '1440'), $advice);
    $ttl = redis()->ttl(data_key($id));
    ok("the TTL with $value", $ttl > 1430 && $ttl <= 1440, $ttl);
    same("the value with $value", 'n|i:1;', redis()->get(data_key($id)));
}
--EXPECT--
ok: nothing is raised with 0
ok: the advice with 0
ok: the TTL with 0
ok: the value with 0
ok: nothing is raised with -1
ok: the advice with -1
ok: the TTL with -1
ok: the value with -1
ok: nothing is raised with -86400
ok: the advice with -86400
ok: the TTL with -86400
ok: the value with -86400
