--TEST--
gc by chance does no harm
--INI--
session.gc_probability=1
session.gc_divisor=1
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
for ($i = 0; $i < 3; $i++) {
    start($id);
    $_SESSION['n']++;
    session_write_close();
}
same('three increments', 'n|i:4;', redis()->get(data_key($id)));
--EXPECT--
ok: three increments
