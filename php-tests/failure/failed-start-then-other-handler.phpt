--TEST--
after a failed start the script may change to another save handler
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

ini_set('session.save_path', 'tcp://127.0.0.1:1?auth=the-Secret-1');
@start(new_id());
$dir = temp_dir() . '/' . new_id();
mkdir($dir);
ini_set('session.save_handler', 'files');
session_save_path($dir);
$id = new_id();
same('files work', true, start($id));
$_SESSION['n'] = 1;
session_write_close();
same('stored there', 'n|i:1;', file_get_contents("$dir/sess_$id"));
--EXPECT--
ok: files work
ok: stored there
