--TEST--
an id of one character is accepted
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

redis()->del(data_key('Q'), side_key('Q', 'STATE'), lock_key('Q'));
same('it starts', true, start('Q'));
$_SESSION['n'] = 1;
session_write_close();
same('it is stored', 'n|i:1;', redis()->get(data_key('Q')));
redis()->del(data_key('Q'));
--EXPECT--
ok: it starts
ok: it is stored
