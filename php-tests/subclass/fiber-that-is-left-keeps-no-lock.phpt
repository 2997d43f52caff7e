--TEST--
a fiber that is suspended inside a subclass' read() and then left: no crash, and no lock is left
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class Suspends extends SessionHandler
{
    public function read(string $id): string|false
    {
        $data = parent::read($id);
        if (Fiber::getCurrent()) {
            Fiber::suspend();
        }
        return $data;
    }
}
session_set_save_handler(new Suspends());

$suspended = function (string $id): Fiber {
    store_session($id, ['n' => 1]);
    $fiber = new Fiber(fn () => start($id));
    $fiber->start();
    same('it is locked', true, is_locked($id));
    return $fiber;
};

$id = new_id();
$fiber = $suspended($id);
unset($fiber);
same('the fiber is destroyed: free', [false, []], [is_locked($id), rustredis_status()['locks']]);

$id = new_id();
$fiber = $suspended($id);
@session_abort();
same('the session is given up outside: free', [false, []], [is_locked($id), rustredis_status()['locks']]);
try {
    @$fiber->resume();
} catch (Error) {
}
@session_abort();
same('the fiber goes on: still free', [false, []], [is_locked($id), rustredis_status()['locks']]);

$id = new_id();
store_session($id, ['n' => 1]);
same('the next session', true, start($id));
same('has its lock', true, is_locked($id));
--EXPECT--
ok: it is locked
ok: the fiber is destroyed: free
ok: it is locked
ok: the session is given up outside: free
ok: the fiber goes on: still free
ok: the next session
ok: has its lock
