--TEST--
a request that waited while the session was destroyed gets an empty one
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
start($id);
$child = Child::run('say((string) start($argv[1])); say(json_encode($_SESSION)); $_SESSION["late"] = 1;', [$id]);
poll('the waiter', fn () => redis()->zcard(side_key($id, 'WAITERS')) === 1);
session_destroy();
same('it starts', '1', $child->line());
same('with an empty session', '[]', $child->line());
$child->output();
ok('the old values do not come back', !str_contains((string) redis()->get(data_key($id)), 'n|i:1;'));
same('no lock is left', false, is_locked($id));
--EXPECT--
ok: it starts
ok: with an empty session
ok: the old values do not come back
ok: no lock is left
