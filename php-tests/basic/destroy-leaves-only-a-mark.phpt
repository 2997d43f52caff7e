--TEST--
session_destroy() removes the session and its lock and leaves the mark of its end for a while
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
start($id);
same('it works', true, session_destroy());
same('the session is gone', null, redis()->get(data_key($id)));
same('the lock too', false, is_locked($id));
same('the mark of its end remains', 1, redis()->exists(side_key($id, 'STATE')));
$ttl = redis()->pttl(side_key($id, 'STATE'));
ok('not for ever', $ttl > 0 && $ttl <= 3600000, $ttl);
--EXPECT--
ok: it works
ok: the session is gone
ok: the lock too
ok: the mark of its end remains
ok: not for ever
