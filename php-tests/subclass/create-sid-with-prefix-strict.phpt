--TEST--
a subclass that puts a prefix before the native id, strict mode, regenerate and create_id
--INI--
session.use_strict_mode=1
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class Prefixed extends SessionHandler
{
    public array $native = [];

    public function create_sid(): string
    {
        return 'shop-' . ($this->native[] = parent::create_sid());
    }
}
$handler = new Prefixed();
session_set_save_handler($handler);
session_start();
$one = session_id();
$_SESSION['n'] = 1;
session_regenerate_id(true);
$two = session_id();
$created = session_create_id();
session_write_close();
same('all have the prefix', [5, 5, 5], array_map(fn ($id) => strspn($id, 'shop-'), [$one, $two, $created]));
same('the first session is gone', null, redis()->get(data_key($one)));
same('the second is stored', 'n|i:1;', redis()->get(data_key($two)));
$left = [];
foreach ($handler->native as $id) {
    array_push($left, ...redis()->keys(PREFIX . $id . '*'));
}
same('no trace of the bare ids', [], $left);
same('no lock is left', [false, false, false], array_map('is_locked', [$one, $two, $created]));
--EXPECT--
ok: all have the prefix
ok: the first session is gone
ok: the second is stored
ok: no trace of the bare ids
ok: no lock is left
