--TEST--
a session that was destroyed under smaller settings than its holder's is not written back
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

ini_set('rustredis.lock_lease', '2');
$id = new_id();
store_session($id, ['user' => 'alice']);
start($id);
$_SESSION['n'] = 1;

// Another page logs the user out.
$child = Child::run('
    class Wraps extends SessionHandler
    {
    }
    $handler = new Wraps();
    session_set_save_handler($handler);
    start($argv[2]);
    say($handler->destroy($argv[1]) ? "destroyed" : "not destroyed");', [$id, new_id()], ['rustredis.lock_max_hold' => 1]);
same('another process', 'destroyed', $child->line());
$child->output();

// The lease is renewed meanwhile.
usleep(4_500_000);
same('the holder has its lock', true, is_locked($id));
$warnings = warnings_of(fn () => session_write_close());
ok('and is told', str_contains(implode("\n", $warnings), 'another request destroyed it'), $warnings);
same('it stays destroyed', 0, redis()->exists(data_key($id)));
--EXPECT--
ok: another process
ok: the holder has its lock
ok: and is told
ok: it stays destroyed
