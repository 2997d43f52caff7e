--TEST--
an object that closes a session of read_and_close while it is decoded: nothing is written over what others stored
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class Closes
{
    public function __serialize(): array
    {
        return [];
    }

    public function __unserialize(array $data): void
    {
        // Another request counts meanwhile.
        redis()->set(data_key(session_id()), 'n|i:2;o|O:6:"Closes":0:{}');
        session_write_close();
    }
}
session_set_save_handler(new class extends SessionHandler {
});
foreach ([1, 0] as $lazy) {
    ini_set('session.lazy_write', $lazy);
    $id = new_id();
    redis()->set(data_key($id), 'n|i:1;o|O:6:"Closes":0:{}');
    warnings_of(fn () => start($id, ['read_and_close' => true]));
    same("lazy_write $lazy", ['n|i:2;o|O:6:"Closes":0:{}', false], [redis()->get(data_key($id)), is_locked($id)]);
}
--EXPECT--
ok: lazy_write 1
ok: lazy_write 0
