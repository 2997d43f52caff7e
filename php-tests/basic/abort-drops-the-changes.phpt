--TEST--
session_abort() drops the changes and releases the lock
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1], 100);
start(new_id());
session_write_close();

$trips = trips(function () use ($id) {
    start($id);
    $_SESSION['n'] = 2;
    session_abort();
});
same('the stored value is the old one', 'n|i:1;', redis()->get(data_key($id)));
same('the lock is gone', false, is_locked($id));
ok('two round trips at most', $trips <= 2, $trips);
same('the next start works', true, start($id));
same('and sees the old value', 1, $_SESSION['n']);
--EXPECT--
ok: the stored value is the old one
ok: the lock is gone
ok: two round trips at most
ok: the next start works
ok: and sees the old value
