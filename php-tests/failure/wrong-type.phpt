--TEST--
something else than a string under the session's key: a warning, no lock left behind
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
redis()->rpush(data_key($id), 'x');
$got = warnings_of(function () use ($id, &$result) {
    $result = start($id);
});
same('session_start() is false', false, $result);
check_warnings('the warning', $got, [['rustredis: ', 'WRONGTYPE|type'], READ_FAILED], $id);
same('no lock is left', false, is_locked($id));
same('the list is left alone', ['x'], redis()->lrange(data_key($id), 0, -1));
redis()->del(data_key($id));
--EXPECT--
ok: session_start() is false
ok: the warning
ok: no lock is left
ok: the list is left alone
