--TEST--
one script may open many sessions one after the other, over one connection
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$ids = [];
for ($i = 0; $i < 50; $i++) {
    $ids[] = $id = new_id();
    start($id);
    $_SESSION = ['i' => $i];
    session_write_close();
}
$wrong = 0;
foreach ($ids as $i => $id) {
    start($id);
    $wrong += $_SESSION !== ['i' => $i];
    session_write_close();
}
same('each has its own value', 0, $wrong);
same('no reconnect', 0, rustredis_status()['reconnects']);
same('no lock is left', [], array_filter($ids, 'is_locked'));
--EXPECT--
ok: each has its own value
ok: no reconnect
ok: no lock is left
