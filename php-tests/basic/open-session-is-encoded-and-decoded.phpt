--TEST--
session_encode() and session_decode() work on an open session
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
start($id);
$_SESSION['n'] = 1;
same('encode', 'n|i:1;', session_encode());
same('decode', true, session_decode('m|i:5;'));
session_write_close();
same('both are stored', 'n|i:1;m|i:5;', redis()->get(data_key($id)));
--EXPECT--
ok: encode
ok: decode
ok: both are stored
