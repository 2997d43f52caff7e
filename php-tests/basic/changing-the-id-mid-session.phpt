--TEST--
session_id() cannot change an open session
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
start($id);
$_SESSION['n'] = 1;
$got = warnings_of(fn () => session_id('another'));
check_warnings('PHP refuses it', $got, ['cannot be changed when a session is active']);
session_write_close();
same('stored under the first id', 'n|i:1;', redis()->get(data_key($id)));
--EXPECT--
ok: PHP refuses it
ok: stored under the first id
