--TEST--
a new session without values is stored empty, so that strict mode knows it next time
--INI--
session.use_strict_mode=1
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

session_start();
$id = session_id();
session_write_close();
same('the key exists and is empty', '', redis()->get(data_key($id)));
ok('with a TTL', redis()->ttl(data_key($id)) > 1400);
same('the lock is gone', false, is_locked($id));
start($id);
same('the id is known', $id, session_id());
same('and its session empty', [], $_SESSION);
--EXPECT--
ok: the key exists and is empty
ok: with a TTL
ok: the lock is gone
ok: the id is known
ok: and its session empty
