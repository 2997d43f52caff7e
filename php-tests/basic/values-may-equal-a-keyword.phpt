--TEST--
stored values that equal a word of the protocol are read and written like any other
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class Raw extends SessionHandler
{
    public static string $seen = '';
    public static string $store = '';

    public function read(string $id): string|false
    {
        self::$seen = (string) parent::read($id);
        return '';
    }

    public function write(string $id, string $data): bool
    {
        return parent::write($id, self::$store);
    }
}
session_set_save_handler(new Raw());
foreach (['keep', 'set', 'del', 'none', 'ok', 'absent', 'gone', 'lost', '0', ''] as $word) {
    $id = new_id();
    Raw::$store = $word;
    start($id);
    $_SESSION['n'] = 1;
    session_write_close();
    $stored = redis()->get(data_key($id));
    start($id);
    session_abort();
    same("'$word'", [$word, $word], [$stored, Raw::$seen]);
}
--EXPECT--
ok: 'keep'
ok: 'set'
ok: 'del'
ok: 'none'
ok: 'ok'
ok: 'absent'
ok: 'gone'
ok: 'lost'
ok: '0'
ok: ''
