--TEST--
behind a SessionHandler subclass, too, a serializer that cannot encode does not empty the stored session; what the subclass empties is empty
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class Emptying extends SessionHandler
{
    public static bool $on_purpose = false;

    public function write(string $id, string $data): bool
    {
        return parent::write($id, self::$on_purpose ? '' : $data);
    }
}
session_set_save_handler(new Emptying());
$id = new_id();
store_session($id, ['n' => 1]);
start($id);
$_SESSION['a|b'] = 'the php serializer cannot store this name';
$got = warnings_of(fn () => session_write_close());
same('the stored value is the old one', 'n|i:1;', redis()->get(data_key($id)));
ok('it is told', (bool) preg_grep('/rustredis: .*could not encode/', $got) === (PHP_VERSION_ID < 80600), $got);

$id = new_id();
store_session($id, ['n' => 1]);
start($id);
$_SESSION['n'] = 2;
Emptying::$on_purpose = true;
same('the subclass empties another, without a word', [], warnings_of(fn () => session_write_close()));
same('it is empty', '', redis()->get(data_key($id)));
same('no lock is left', false, is_locked($id));
--EXPECT--
ok: the stored value is the old one
ok: it is told
ok: the subclass empties another, without a word
ok: it is empty
ok: no lock is left
