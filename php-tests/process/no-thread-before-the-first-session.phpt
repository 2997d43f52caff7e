--TEST--
loading the module starts no thread and makes no connection
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

same('one thread', 1, count(glob('/proc/self/task/*')));
same('no pool', [], (array) rustredis_status()['pools']);
--EXPECT--
ok: one thread
ok: no pool
