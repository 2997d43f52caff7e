--TEST--
session_reset() in an object's __serialize() while the session is saved: what is stored stays
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class Resets
{
    public function __serialize(): array
    {
        if ($GLOBALS['on']) {
            $GLOBALS['on'] = false;
            session_reset();
            $_SESSION['x'] = 'half';
        }
        return [];
    }

    public function __unserialize(array $data): void
    {
    }
}

$on = false;
$id = new_id();
start($id);
$_SESSION['user'] = 7;
$_SESSION['object'] = new Resets();
session_write_close();
$stored = redis()->get(data_key($id));
start($id);
$_SESSION['x'] = 1;
$on = true;
$got = warnings_of(fn () => session_write_close());
same('it stays', [$stored, false], [redis()->get(data_key($id)), is_locked($id)]);
ok('it is said', (bool) preg_grep('/rustredis: the session is not saved: session_start\(\) or session_reset\(\) was called/', $got), $got);
start($id);
$_SESSION['x'] = 1;
session_write_close();
same('the next is saved', true, str_contains(redis()->get(data_key($id)), 'x|i:1;'));
--EXPECT--
ok: it stays
ok: it is said
ok: the next is saved
