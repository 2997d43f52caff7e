--TEST--
a lock that has no TTL is told as that, with a way to find its key
--INI--
rustredis.lock_wait=0.1
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
redis()->set(lock_key($id), 'host-a|1234');
$never = ['held by another client on host-a, pid 1234', 'never expires', 'redis-cli --scan --pattern \'.*' . substr($id, 0, 6) . '\*\}?_LOCK\''];
check_warnings('it says so', warnings_of(fn () => start($id)), [$never, READ_FAILED], $id);
ini_set('rustredis.lock_failure', 'readonly');
$got = warnings_of(function () use ($id) {
    start($id);
    session_abort();
});
check_warnings('also where the session is read all the same', $got, [$never], $id);
ini_set('rustredis.lock_failure', 'fail');
redis()->set(lock_key($id), 'host-a|1234', 'PX', 60000);
$got = warnings_of(fn () => start($id));
ok('one that ends is not', $got && !str_contains(implode($got), 'never expires'), $got);
--EXPECT--
ok: it says so
ok: also where the session is read all the same
ok: one that ends is not
