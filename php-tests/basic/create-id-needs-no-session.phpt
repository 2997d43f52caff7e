--TEST--
session_create_id() with and without a session, with a prefix
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$free = session_create_id();
same('without a session', 1, preg_match('/^[0-9a-f]{32}$/', $free));
session_start();
$id = session_id();
$one = session_create_id();
$two = session_create_id('user42-');
same('with a session', 1, preg_match('/^[0-9a-f]{32}$/', $one));
same('with a prefix', 1, preg_match('/^user42-[0-9a-f]{32}$/', $two));
same('no two are the same', 4, count(array_unique([$free, $id, $one, $two])));
same('the session goes on under its id', $id, session_id());
$_SESSION['n'] = 1;
session_write_close();
same('and is stored', 'n|i:1;', redis()->get(data_key($id)));
same('the ids leave no trace', [], [...redis()->keys("*$free*"), ...redis()->keys("*$one*"), ...redis()->keys("*$two*")]);
--EXPECT--
ok: without a session
ok: with a session
ok: with a prefix
ok: no two are the same
ok: the session goes on under its id
ok: and is stored
ok: the ids leave no trace
