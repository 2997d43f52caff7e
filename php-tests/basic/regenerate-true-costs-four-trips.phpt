--TEST--
session_regenerate_id(true) under lock and strict mode: four round trips at most, no reconnect
--INI--
session.use_strict_mode=1
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$old = new_id();
store_session($old, ['n' => 1]);
// All that comes is done once before, so that the server has the scripts.
store_session($first = new_id(), ['n' => 1]);
start($first);
session_regenerate_id(true);
$_SESSION['n'] = 2;
session_write_close();

$before = rustredis_status();
start($old);
$_SESSION['n'] = 2;
session_regenerate_id(true);
$new = session_id();
session_write_close();
$after = rustredis_status();
ok('four round trips at most', $after['trips'] - $before['trips'] <= 4, $after['trips'] - $before['trips']);
same('no reconnect', $before['reconnects'], $after['reconnects']);
same('the new session is stored', 'n|i:2;', redis()->get(data_key($new)));
same('the old one is gone', null, redis()->get(data_key($old)));
same('no lock is left', [false, false], [is_locked($old), is_locked($new)]);
--EXPECT--
ok: four round trips at most
ok: no reconnect
ok: the new session is stored
ok: the old one is gone
ok: no lock is left
