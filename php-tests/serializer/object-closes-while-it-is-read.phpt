--TEST--
an object whose __wakeup() closes, aborts or destroys the session that is being read: no crash, no lock left
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class Meddler
{
    public string $how = '';

    public function __construct(string $how)
    {
        $this->how = $how;
    }

    public function __wakeup()
    {
        ($this->how)();
    }
}
foreach (['session_write_close', 'session_abort', 'session_destroy', 'session_reset', 'session_regenerate_id', 'session_gc'] as $how) {
    $id = new_id();
    store_session($id, ['m' => new Meddler($how), 'n' => 1]);
    if ($how === 'session_reset') {
        // It would never end: PHP reads, wakes the object up, reads ...
        continue;
    }
    session_id($id);
    @session_start();
    @session_abort();
    same($how, false, is_locked($id));
}
$id = new_id();
same('the next session works', true, start($id));
session_abort();
--EXPECT--
ok: session_write_close
ok: session_abort
ok: session_destroy
ok: session_regenerate_id
ok: session_gc
ok: the next session works
