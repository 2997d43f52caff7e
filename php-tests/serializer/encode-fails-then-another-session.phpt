--TEST--
after a session that could not be encoded, the next one of the same request has its own lock, and the first is free
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

[$first, $second] = [new_id(), new_id()];
store_session($first, ['n' => 1]);
start($first);
$_SESSION['a|b'] = 'the php serializer cannot store this name';
warnings_of(fn () => session_write_close());

// PHP 8.6 has not closed the first until now.
$got = warnings_of(fn () => start($second));
same('the next one starts without a word', [], $got);
same('under its lock', [false, true], [is_locked($first), is_locked($second)]);
$_SESSION['n'] = 2;
same('in as many trips as ever', 1, trips(fn () => session_write_close()));
same('both are as they should be', ['n|i:1;', 'n|i:2;'], [redis()->get(data_key($first)), redis()->get(data_key($second))]);
same('no lock is left', [false, false], [is_locked($first), is_locked($second)]);
--EXPECT--
ok: the next one starts without a word
ok: under its lock
ok: in as many trips as ever
ok: both are as they should be
ok: no lock is left
