--TEST--
a path that PHP refuses while a session is active: no trace of an error handler's exception shows its password
--INI--
zend.exception_ignore_args=0
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

start(new_id());
$path = 'redis://:N3WSECRET@127.0.0.1:1';
set_error_handler(function (int $level, string $message): never {
    throw new ErrorException($message, previous: new LogicException('a first one'));
});
$calls = [
    'session_start' => fn () => session_start(['save_path' => $path]),
    'session_save_path' => fn () => session_save_path($path),
    'ini_set' => fn () => ini_set('session.save_path', $path),
    'its configuration' => fn () => (fn (array $all) => session_start($all['app']['web']['session']))
        (['app' => ['web' => ['name' => 'x', 'session' => ['save_path' => $path]]]]),
    'a function around it' => fn () => call_user_func_array('ini_set', ['session.save_path', $path]),
];
foreach ($calls as $what => $call) {
    try {
        $call();
        ok("$what: throws", false);
    } catch (ErrorException $error) {
        $shown = var_export([$error->getTrace(), $error->getPrevious()->getTrace()], true);
        ok("$what: the password", !str_contains($shown, 'N3WSECRET'), $shown);
        ok("$what: a mask", str_contains($shown, '***'), $shown);
    }
}
restore_error_handler();
same('the path of the script', 'redis://:N3WSECRET@127.0.0.1:1', $path);

// Nor does such a call end what was decoded before it.
$_SESSION['n'] = 1;
same('saved', [true, 'n|i:1;'], [session_write_close(), redis()->get(data_key(session_id()))]);
--EXPECT--
ok: session_start: the password
ok: session_start: a mask
ok: session_save_path: the password
ok: session_save_path: a mask
ok: ini_set: the password
ok: ini_set: a mask
ok: its configuration: the password
ok: its configuration: a mask
ok: a function around it: the password
ok: a function around it: a mask
ok: the path of the script
ok: saved
