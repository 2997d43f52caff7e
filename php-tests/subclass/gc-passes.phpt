--TEST--
gc through a subclass
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class Plain extends SessionHandler
{
}
session_set_save_handler(new Plain());
start(new_id());
same('it reports 0', 0, session_gc());
session_abort();
--EXPECT--
ok: it reports 0
