--TEST--
a request that waits gets the session as the holder left it
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
start($id);
$child = Child::run('say("here"); start($argv[1]); say(json_encode($_SESSION)); $_SESSION["n"]++;', [$id]);
$child->line();
poll('the waiter', fn () => redis()->zcard(side_key($id, 'WAITERS')) === 1);
ok('it waits', $child->is_silent());
$_SESSION['n'] = 10;
$_SESSION['text'] = "line\nbreak \0 and NUL";
session_write_close();
same('it sees the change', '{"n":10,"text":"line\nbreak \u0000 and NUL"}', $child->line());
same('no output', '', $child->output());
same('and adds its own', 'n|i:11;', substr(redis()->get(data_key($id)), 0, 7));
same('no lock is left', false, is_locked($id));
--EXPECT--
ok: it waits
ok: it sees the change
ok: no output
ok: and adds its own
ok: no lock is left
