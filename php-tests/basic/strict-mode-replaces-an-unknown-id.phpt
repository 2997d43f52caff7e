--TEST--
strict mode: an unknown id is replaced and leaves no trace in Redis
--INI--
session.use_strict_mode=1
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$attacker = new_id();
same('it starts', true, start($attacker));
$id = session_id();
ok('the id is another', $id !== $attacker && strlen($id) === 32);
$_SESSION['n'] = 1;
session_write_close();
same('stored under the new id', 'n|i:1;', redis()->get(data_key($id)));
same('nothing is left under the unknown id', [], redis()->keys("*$attacker*"));
--EXPECT--
ok: it starts
ok: the id is another
ok: stored under the new id
ok: nothing is left under the unknown id
