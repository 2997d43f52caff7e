--TEST--
strict mode: a request that waited for a session which was never stored goes on at once
--INI--
session.use_strict_mode=1
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

session_start();
$id = session_id();
$child = Child::run('say((string) start($argv[1])); say(session_id()); $_SESSION["n"] = 1;', [$id], ['session.use_strict_mode' => 1]);
poll('the waiter', fn () => redis()->zcard(side_key($id, 'WAITERS')) === 1);
session_abort();
$time = seconds(function () use ($child) {
    same('it starts', '1', $child->line());
});
ok('soon', $time < 5, $time);
$other = $child->line();
same('it ends', '', $child->output());
same('its session is stored', 'n|i:1;', redis()->get(data_key($other)));
same('no lock is left', [false, false], [is_locked($id), is_locked($other)]);
--EXPECT--
ok: it starts
ok: soon
ok: it ends
ok: its session is stored
ok: no lock is left
