--TEST--
strict mode: a stored value that cannot be decoded does not end in a loop or a crash
--INI--
session.use_strict_mode=1
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
redis()->set(data_key($id), 'n|not-serialized', 'EX', 100);
$got = warnings_of(fn () => start($id));
check_warnings('PHP tells it', $got, ['Failed to decode session object']);
same('no lock is left', false, is_locked($id));
session_id('');
same('another session starts', true, session_start());
--EXPECT--
ok: PHP tells it
ok: no lock is left
ok: another session starts
