--TEST--
session_reset() may be called again and again
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
start($id);
for ($i = 0; $i < 20; $i++) {
    $_SESSION['n'] = $i;
    if (!session_reset()) {
        echo "reset $i failed\n";
    }
}
same('a session that was never stored is empty', [], $_SESSION);
same('the lock is held', true, is_locked($id));
$_SESSION['n'] = 'last';
session_write_close();
same('the write succeeds', 's:4:"last";', substr(redis()->get(data_key($id)), 2));
--EXPECT--
ok: a session that was never stored is empty
ok: the lock is held
ok: the write succeeds
