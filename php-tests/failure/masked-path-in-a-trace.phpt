--TEST--
the trace of an exception, which has the arguments of a handler class' open(), does not show a password of save_path
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$code = '
    class Handler extends SessionHandler
    {
        public function open(string $path, string $name): bool
        {
            return $path !== "" && parent::open($path, $name);
        }
    }
    set_error_handler(function ($level, $message, $file, $line) { throw new ErrorException($message, 0, $level, $file, $line); });
    session_set_save_handler(new Handler, true);
    $options = $argv[1] === "" ? [] : ["save_path" => $argv[1]];
    $before = $options;
    try {
        session_start($options);
    } catch (Throwable $exception) {
        for (; $exception; $exception = $exception->getPrevious()) {
            echo $exception, "\n", print_r($exception->getTrace(), true);
        }
    }
    echo $options === $before ? "as before" : "changed";
    // What a script has of its own is left alone.
    restore_error_handler();
    ini_set("display_errors", 0);
    session_start($options);';
$paths = [
    'redis://:secret@h:x', 'h:1:secret', 'redis://h/secret', 'tcp://h:1?auth=secret&database=secret', 'h:1?' . str_repeat('secret', 500),
    'secret://secret',
];
foreach ($paths as $path) {
    $shown = substr($path, 0, 30);
    foreach (['setting' => '', 'option' => $path] as $how => $option) {
        $ini = ['zend.exception_ignore_args' => 0, 'zend.exception_string_param_max_len' => 5000, 'session.use_cookies' => 0];
        $said = Child::run($code, [$option], $ini + ($option === '' ? ['session.save_path' => $path] : []))->output();
        ok("$how: $shown", !str_contains($said, 'secret') && str_contains($said, '***')
            && str_contains($said, 'rustredis: session.save_path') && str_contains($said, 'as before'), $said);
    }
}
--EXPECT--
ok: setting: redis://:secret@h:x
ok: option: redis://:secret@h:x
ok: setting: h:1:secret
ok: option: h:1:secret
ok: setting: redis://h/secret
ok: option: redis://h/secret
ok: setting: tcp://h:1?auth=secret&database
ok: option: tcp://h:1?auth=secret&database
ok: setting: h:1?secretsecretsecretsecretse
ok: option: h:1?secretsecretsecretsecretse
ok: setting: secret://secret
ok: option: secret://secret
