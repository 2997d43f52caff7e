--TEST--
a subclass over PHP's files that forgets its parent's close(), and then rustredis: its data is not taken for ours
--SKIPIF--
<?php
PHP_DEBUG and die('skip the checks of PHP report what its own files handler leaks without a close');
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class Forgets extends SessionHandler
{
    public function close(): bool
    {
        return true;
    }
}
$path = ini_get('session.save_path');
ini_set('session.save_handler', 'files');
ini_set('session.save_path', sys_get_temp_dir());
session_set_save_handler(new Forgets(), true);
$id = new_id();
start($id);
session_write_close();
@unlink(sys_get_temp_dir() . "/sess_$id");

ini_set('session.save_handler', 'rustredis');
ini_set('session.save_path', $path);
same('it starts', true, start($id));
$_SESSION['n'] = 1;
session_write_close();
same('and saves', ['n|i:1;', false], [redis()->get(data_key($id)), is_locked($id)]);
--EXPECT--
ok: it starts
ok: and saves
