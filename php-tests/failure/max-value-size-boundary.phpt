--TEST--
rustredis.max_value_size counts the bytes that would be stored
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$value = 'v|s:10:"0123456789";';
ini_set('rustredis.max_value_size', (string) strlen($value));
$id = new_id();
start($id);
$_SESSION['v'] = '0123456789';
same('exactly that many are fine', [], warnings_of(fn () => session_write_close()));
same('stored', $value, redis()->get(data_key($id)));
start($id);
$_SESSION['v'] = '0123456789x';
same('one more is not', 2, count(warnings_of(fn () => session_write_close())));
same('the stored value stays', $value, redis()->get(data_key($id)));
--EXPECT--
ok: exactly that many are fine
ok: stored
ok: one more is not
ok: the stored value stays
