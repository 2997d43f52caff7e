--TEST--
rustredis.max_value_size: a larger session is refused, the stored one stays
--INI--
rustredis.max_value_size=1000
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
start($id);
$_SESSION['n'] = 1;
session_write_close();
start($id);
$_SESSION['big'] = str_repeat('x', 2000);
$got = warnings_of(function () use (&$result) {
    $result = session_write_close();
});
same('session_write_close() is true as ever', true, $result);
check_warnings('the warning names the setting and the size', $got, [['rustredis: ', 'rustredis\.max_value_size', '1000', '20\d\d'], WRITE_FAILED], $id);
same('the stored session stays', 'n|i:1;', redis()->get(data_key($id)));
same('the lock is gone', false, is_locked($id));
same('the next start works', true, start($id));
$_SESSION['fits'] = str_repeat('x', 900);
same('what fits is stored', [], warnings_of(fn () => session_write_close()));
--EXPECT--
ok: session_write_close() is true as ever
ok: the warning names the setting and the size
ok: the stored session stays
ok: the lock is gone
ok: the next start works
ok: what fits is stored
