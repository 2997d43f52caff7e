--TEST--
a subclass that destroys and reads other sessions than its own
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class Admin extends SessionHandler
{
}
$handler = new Admin();
session_set_save_handler($handler);
$own = new_id();
$other = new_id();
store_session($own, ['n' => 1]);
store_session($other, ['n' => 2]);
start($own);
same('destroying another session works', true, $handler->destroy($other));
same('it is gone', null, redis()->get(data_key($other)));
same('the own lock is still held', true, is_locked($own));
$_SESSION['n'] = 3;
session_write_close();
same('the own session is stored', 'n|i:3;', redis()->get(data_key($own)));
same('no lock is left', [false, false], [is_locked($own), is_locked($other)]);
--EXPECT--
ok: destroying another session works
ok: it is gone
ok: the own lock is still held
ok: the own session is stored
ok: no lock is left
