--TEST--
with open_basedir PHP refuses a save_path at run time, and the old one stays in use
--INI--
open_basedir=/
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

ini_set('open_basedir', dirname(__DIR__));
$got = warnings_of(function () use (&$result) {
    $result = ini_set('session.save_path', 'tcp://127.0.0.1:1');
});
same('ini_set() is false', false, $result);
check_warnings('with the warning of PHP', $got, ['open_basedir restriction in effect']);
$id = new_id();
same('the session still works', true, start($id));
$_SESSION['n'] = 1;
session_write_close();
same('in the old place', 'n|i:1;', redis()->get(data_key($id)));
--EXPECT--
ok: ini_set() is false
ok: with the warning of PHP
ok: the session still works
ok: in the old place
