--TEST--
session_create_id() in strict mode with an open session leaves no lock behind
--INI--
session.use_strict_mode=1
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

session_start();
$own = session_id();
$ids = [];
for ($i = 0; $i < 5; $i++) {
    $ids[] = session_create_id();
}
same('five ids', 5, count(array_unique($ids)));
$_SESSION['n'] = 1;
session_write_close();
same('the session is stored', 'n|i:1;', redis()->get(data_key($own)));
$left = [];
foreach ($ids as $id) {
    array_push($left, ...redis()->keys("*$id*"));
}
same('the ids leave no trace', [], $left);
--EXPECT--
ok: five ids
ok: the session is stored
ok: the ids leave no trace
