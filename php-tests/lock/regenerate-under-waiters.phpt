--TEST--
a request that waits for a session whose id is regenerated meanwhile: strict mode gives it a new one
--INI--
session.use_strict_mode=1
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
start($id);
$child = Child::run('start($argv[1]); say(session_id()); say(json_encode($_SESSION)); session_abort();', [$id], ['session.use_strict_mode' => 1]);
poll('the waiter', fn () => redis()->zcard(side_key($id, 'WAITERS')) === 1);
session_regenerate_id(true);
$other = $child->line();
same('it has no values of the old session', '[]', $child->line());
same('and ends', '', $child->output());
ok('it does not get the regenerated session', $other !== session_id());
session_write_close();
same('the old session stays gone', null, redis()->get(data_key($id)));
same('the new one is stored', 'n|i:1;', redis()->get(data_key(session_id())));
same('no lock is left', false, is_locked($id));
--EXPECT--
ok: it has no values of the old session
ok: and ends
ok: it does not get the regenerated session
ok: the old session stays gone
ok: the new one is stored
ok: no lock is left
