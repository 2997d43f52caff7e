--TEST--
a SessionHandler subclass that encrypts what it stores
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class Encrypting extends SessionHandler
{
    private string $key = "not a real key\0with a NUL";

    private function apply(string $data): string
    {
        return $data === '' ? '' : $data ^ str_pad('', strlen($data), $this->key);
    }

    public function read(string $id): string|false
    {
        return $this->apply((string) parent::read($id));
    }

    public function write(string $id, string $data): bool
    {
        return parent::write($id, $this->apply($data));
    }
}
session_set_save_handler(new Encrypting());
$id = new_id();
$values = ['user' => 'ada', 'blob' => str_repeat("secret\0", 1000)];
start($id);
$_SESSION = $values;
session_write_close();
ok('Redis holds no clear text', !str_contains(redis()->get(data_key($id)), 'ada') && !str_contains(redis()->get(data_key($id)), 'secret'));
start($id);
same('the values come back', true, $_SESSION === $values);
$_SESSION['user'] = 'grace';
session_write_close();
start($id);
same('a change too', 'grace', $_SESSION['user']);
session_destroy();
same('destroy works', null, redis()->get(data_key($id)));
same('no lock is left', false, is_locked($id));
--EXPECT--
ok: Redis holds no clear text
ok: the values come back
ok: a change too
ok: destroy works
ok: no lock is left
