--TEST--
an object whose __serialize() closes, aborts or destroys the session that is being written: no crash, no lock left
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class Meddler
{
    public function __construct(private string $how)
    {
    }

    public function __serialize(): array
    {
        static $busy = false;
        if (!$busy) {
            $busy = true;
            ($this->how)();
            $busy = false;
        }
        return ['how' => $this->how];
    }
}
foreach (['session_write_close', 'session_abort', 'session_destroy', 'session_reset', 'session_create_id', 'session_gc'] as $how) {
    $id = new_id();
    session_id($id);
    session_start();
    $_SESSION['m'] = new Meddler($how);
    $_SESSION['n'] = 1;
    @session_write_close();
    same($how, false, is_locked($id));
}
$id = new_id();
same('the next session works', true, start($id));
session_abort();
--EXPECT--
ok: session_write_close
ok: session_abort
ok: session_destroy
ok: session_reset
ok: session_create_id
ok: session_gc
ok: the next session works
