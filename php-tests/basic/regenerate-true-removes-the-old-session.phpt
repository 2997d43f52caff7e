--TEST--
session_regenerate_id(true) removes the old session
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$old = new_id();
store_session($old, ['n' => 1]);
start($old);
same('it works', true, session_regenerate_id(true));
$new = session_id();
ok('the id is another', $new !== $old);
same('the old session is gone', null, redis()->get(data_key($old)));
same('its lock too', false, is_locked($old));
same('the new lock is held', true, is_locked($new));
$_SESSION['n'] = 2;
session_write_close();
same('the new session is stored', 'n|i:2;', redis()->get(data_key($new)));
same('the new lock is released', false, is_locked($new));
--EXPECT--
ok: it works
ok: the id is another
ok: the old session is gone
ok: its lock too
ok: the new lock is held
ok: the new session is stored
ok: the new lock is released
