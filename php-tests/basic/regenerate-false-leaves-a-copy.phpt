--TEST--
session_regenerate_id(false) goes on under a new id, and the old one keeps a copy of what was stored before
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
$old_id_has = fn () => [redis()->get(data_key($old)), redis()->get(side_key($old, 'OLD'))];
same('the old id has a copy of what was stored', [null, 'n|i:1;'], $old_id_has());
same('the old lock is released', false, is_locked($old));
same('the new lock is held', true, is_locked($new));
same('the values stay', ['n' => 2], $_SESSION);
$_SESSION['n'] = 3;
session_write_close();
same('the new session is stored', 'n|i:3;', redis()->get(data_key($new)));
same('the copy is as it was', [null, 'n|i:1;'], $old_id_has());
same('the new lock is released', false, is_locked($new));
--EXPECT--
ok: it works
ok: the id is another
ok: the old id has a copy of what was stored
ok: the old lock is released
ok: the new lock is held
ok: the values stay
ok: the new session is stored
ok: the copy is as it was
ok: the new lock is released
