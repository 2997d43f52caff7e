--TEST--
lock_failure=readonly: a session that does not exist yet, also in strict mode
--INI--
rustredis.lock_wait=0
rustredis.lock_failure=readonly
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
redis()->set(lock_key($id), foreign_token(), 'PX', 30000);
same('it starts empty', [true, []], [@start($id), $_SESSION]);
$_SESSION['n'] = 1;
@session_write_close();
same('nothing is stored', null, redis()->get(data_key($id)));
ini_set('session.use_strict_mode', '1');
same('strict: it starts', true, @start($id));
ok('strict: with a new id, as this one is not known', session_id() !== $id);
$new = session_id();
$_SESSION['n'] = 2;
@session_write_close(); // tells of the other one
same('strict: that one is stored', 'n|i:2;', redis()->get(data_key($new)));
--EXPECT--
ok: it starts empty
ok: nothing is stored
ok: strict: it starts
ok: strict: with a new id, as this one is not known
ok: strict: that one is stored
