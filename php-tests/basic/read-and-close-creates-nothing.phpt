--TEST--
read_and_close of a missing session is an empty one and creates nothing
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
same('it starts', true, start($id, ['read_and_close' => true]));
same('the session is empty', [], $_SESSION);
same('nothing is created', [], redis()->keys("*$id*"));
--EXPECT--
ok: it starts
ok: the session is empty
ok: nothing is created
