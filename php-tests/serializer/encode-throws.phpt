--TEST--
an object that cannot be serialized does not empty the stored session
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class Closed
{
    public function __serialize(): array
    {
        throw new LogicException('not this one');
    }
}
$id = new_id();
store_session($id, ['n' => 1]);
start($id);
$_SESSION['closed'] = new Closed();
try {
    @session_write_close();
    echo "no exception\n";
} catch (LogicException $exception) {
    same('the exception arrives', 'not this one', $exception->getMessage());
}
ok('the stored session is not emptied', redis()->get(data_key($id)) !== '', redis()->get(data_key($id)));
same('the lock is gone', false, is_locked($id));
--EXPECT--
ok: the exception arrives
ok: the stored session is not emptied
ok: the lock is gone
