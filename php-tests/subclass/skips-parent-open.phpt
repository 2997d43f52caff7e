--TEST--
a SessionHandler subclass that does not call parent::open() gets PHP's warning, not a crash
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class NoOpen extends SessionHandler
{
    public function open(string $path, string $name): bool
    {
        return true;
    }
}
session_set_save_handler(new NoOpen());
$id = new_id();
$got = warnings_of(function () use ($id, &$result) {
    $result = start($id);
});
same('it does not start', false, $result);
ok('PHP says why', str_contains(implode("\n", $got), 'Parent session handler is not open'), $got);
same('nothing is stored', [], redis()->keys("*$id*"));
--EXPECT--
ok: it does not start
ok: PHP says why
ok: nothing is stored
