--TEST--
a session that starts after the destroy is a new one and is stored
--INI--
rustredis.locking=0
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
start($id);
session_destroy();
$child = Child::run('start($argv[1]); $_SESSION["m"] = 5;', [$id], ['rustredis.locking' => 0]);
same('no output', '', $child->output());
same('it is stored', 'm|i:5;', redis()->get(data_key($id)));
--EXPECT--
ok: no output
ok: it is stored
