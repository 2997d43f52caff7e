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

// PHP quotes the path, or the part behind depth;mode;, although it has not taken it.
foreach (['redis://:N3WSECRET@127.0.0.1:1', '127.0.0.1:1?auth=N3WSECRET', '5;600;redis://h/N3WSECRET',
    '/nowhere/r.sock&auth=N3WSECRET', 'unix:/nowhere/r.sock:N3WSECRET'] as $path) {
    $calls = ['ini_set' => fn () => ini_set('session.save_path', $path),
        'session_save_path' => fn () => session_save_path($path),
        'session_start' => fn () => session_start(['save_path' => $path, 'read_and_close' => true])];
    foreach ($calls as $name => $call) {
        $got = warnings_of($call);
        $shown = implode("\n", $got);
        ok("$name: a mask", str_contains($shown, '***') && !str_contains($shown, 'N3WSECRET'), $shown);
    }
}
--EXPECT--
ok: ini_set() is false
ok: with the warning of PHP
ok: the session still works
ok: in the old place
ok: ini_set: a mask
ok: session_save_path: a mask
ok: session_start: a mask
ok: ini_set: a mask
ok: session_save_path: a mask
ok: session_start: a mask
ok: ini_set: a mask
ok: session_save_path: a mask
ok: session_start: a mask
ok: ini_set: a mask
ok: session_save_path: a mask
ok: session_start: a mask
ok: ini_set: a mask
ok: session_save_path: a mask
ok: session_start: a mask
