--TEST--
session_regenerate_id(false) stores the old session and goes on under a new id
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$old = new_id();
store_session($old, ['n' => 1]);
start($old);
$_SESSION['n'] = 2;
same('it works', true, session_regenerate_id(false));
$new = session_id();
ok('the id is another', $new !== $old);
same('the old session is stored', 'n|i:2;', redis()->get(data_key($old)));
same('the old lock is released', false, is_locked($old));
same('the new lock is held', true, is_locked($new));
same('the values stay', ['n' => 2], $_SESSION);
$_SESSION['n'] = 3;
session_write_close();
same('the new session is stored', 'n|i:3;', redis()->get(data_key($new)));
same('the old one is as it was', 'n|i:2;', redis()->get(data_key($old)));
same('the new lock is released', false, is_locked($new));
--EXPECT--
ok: it works
ok: the id is another
ok: the old session is stored
ok: the old lock is released
ok: the new lock is held
ok: the values stay
ok: the new session is stored
ok: the old one is as it was
ok: the new lock is released
