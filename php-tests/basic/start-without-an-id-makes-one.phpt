--TEST--
session_start() without an id makes one and stores the session under it
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

same('it starts', true, session_start());
$id = session_id();
same('the id is as session.sid_length and sid_bits_per_character want it', 1, preg_match('/^[0-9a-f]{32}$/', $id));
same('the session is empty', [], $_SESSION);
same('the lock is held while the session is open', true, is_locked($id));
$_SESSION['user'] = 'ada';
same('it closes', true, session_write_close());
same('the value is stored as PHP serializes it', 'user|s:3:"ada";', redis()->get(data_key($id)));
same('the lock is gone', false, is_locked($id));
--EXPECT--
ok: it starts
ok: the id is as session.sid_length and sid_bits_per_character want it
ok: the session is empty
ok: the lock is held while the session is open
ok: it closes
ok: the value is stored as PHP serializes it
ok: the lock is gone
