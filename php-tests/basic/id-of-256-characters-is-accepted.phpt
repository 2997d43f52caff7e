--TEST--
an id of 256 allowed characters is accepted
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = str_pad(new_id() . ',-AZaz09', 256, 'x');
same('it starts', true, start($id));
$_SESSION['n'] = 1;
session_write_close();
same('it is stored', 'n|i:1;', redis()->get(data_key($id)));
--EXPECT--
ok: it starts
ok: it is stored
