--TEST--
strict mode: a session whose first request still runs is waited for, not replaced
--INI--
session.use_strict_mode=1
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$child = Child::run('session_start(); say(session_id()); hear(); $_SESSION["n"] = 1;', [], ['session.use_strict_mode' => 1]);
$id = $child->line();
same('nothing is stored yet', null, redis()->get(data_key($id)));
$second = Child::run('start($argv[1]); say(session_id()); say(json_encode($_SESSION));', [$id], ['session.use_strict_mode' => 1]);
poll('the waiter', fn () => redis()->zcard(side_key($id, 'WAITERS')) === 1);
$child->tell('go on');
same('the first ends', '', $child->output());
same('the second has the same id', $id, $second->line());
same('and its values', '{"n":1}', $second->line());
same('and ends', '', $second->output());
--EXPECT--
ok: nothing is stored yet
ok: the first ends
ok: the second has the same id
ok: and its values
ok: and ends
