--TEST--
session_regenerate_id(false) in strict mode
--INI--
session.use_strict_mode=1
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$old = new_id();
store_session($old, ['n' => 1]);
start($old);
same('it works', true, session_regenerate_id(false));
$new = session_id();
ok('the id is another', $new !== $old);
same('the old lock is released', false, is_locked($old));
session_write_close();
same('the session is stored under its new id', [null, 'n|i:1;'], [redis()->get(data_key($old)), redis()->get(data_key($new))]);
same('the old id has a copy', 'n|i:1;', redis()->get(side_key($old, 'OLD')));
same('no lock is left', [false, false], [is_locked($old), is_locked($new)]);
--EXPECT--
ok: it works
ok: the id is another
ok: the old lock is released
ok: the session is stored under its new id
ok: the old id has a copy
ok: no lock is left
