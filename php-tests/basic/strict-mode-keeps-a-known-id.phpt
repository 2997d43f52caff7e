--TEST--
strict mode: a known id keeps its session, in two round trips
--INI--
session.use_strict_mode=1
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
$warm_up = new_id();
start($warm_up);
session_write_close();

$trips = trips(function () use ($id) {
    start($id);
    same('the id stays', $id, session_id());
    same('the values are there', ['n' => 1], $_SESSION);
    $_SESSION['n'] = 2;
    session_write_close();
});
same('the change is stored', 'n|i:2;', redis()->get(data_key($id)));
ok('two round trips at most', $trips <= 2, $trips);
--EXPECT--
ok: the id stays
ok: the values are there
ok: the change is stored
ok: two round trips at most
