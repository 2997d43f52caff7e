--TEST--
the holder of the lock cannot write back what a request without locking has destroyed
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
start($id);
$child = Child::run('start($argv[1]); session_destroy();', [$id], ['rustredis.locking' => 0]);
same('the other destroys it', '', $child->output());
$_SESSION['n'] = 2;
$got = warnings_of(fn () => session_write_close());
check_warnings('one warning of ours, one of PHP', $got, [['rustredis: ', 'destroy'], WRITE_FAILED], $id);
same('the session stays gone', null, redis()->get(data_key($id)));
same('the lock is gone', false, is_locked($id));
same('the id can be started anew', true, start($id));
$_SESSION['n'] = 3;
same('and written', [], warnings_of(fn () => session_write_close()));
same('stored', 'n|i:3;', redis()->get(data_key($id)));
--EXPECT--
ok: the other destroys it
ok: one warning of ours, one of PHP
ok: the session stays gone
ok: the lock is gone
ok: the id can be started anew
ok: and written
ok: stored
