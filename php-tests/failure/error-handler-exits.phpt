--TEST--
a user error handler that calls exit() inside our warning
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
redis()->set(lock_key($id), $lock = foreign_token(), 'PX', 60000);
$child = Child::run('set_error_handler(function () { exit(7); }); start($argv[1]);', [$id], ['rustredis.lock_wait' => 0]);
same('no output', '', $child->output());
same('its exit code', 7, $child->exit_code());
same('the lock is left alone', $lock, redis()->get(lock_key($id)));
same('nothing is written', null, redis()->get(data_key($id)));
--EXPECT--
ok: no output
ok: its exit code
ok: the lock is left alone
ok: nothing is written
