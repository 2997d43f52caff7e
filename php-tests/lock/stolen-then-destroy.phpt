--TEST--
session_destroy() works even when the lock was lost: a logout must not fail
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
start($id);
redis()->set(lock_key($id), $thief = foreign_token(), 'PX', 30000);
same('it works', true, session_destroy());
same('the session is gone', null, redis()->get(data_key($id)));
same('the mark of its end is there', 1, redis()->exists(side_key($id, 'STATE')));
--EXPECT--
ok: it works
ok: the session is gone
ok: the mark of its end is there
