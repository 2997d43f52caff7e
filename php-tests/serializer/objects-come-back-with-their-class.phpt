--TEST--
objects come back with their class
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class Item
{
    public function __construct(public string $name, private array $tags = [])
    {
    }
}
$id = new_id();
start($id);
$_SESSION['item'] = $item = new Item('book', ['a', 'b']);
$_SESSION['same'] = $item;
session_write_close();
$_SESSION = [];
start($id);
same('an equal object', true, $_SESSION['item'] == $item && $_SESSION['item'] instanceof Item);
same('with its references', true, $_SESSION['item'] === $_SESSION['same']);
--EXPECT--
ok: an equal object
ok: with its references
