--TEST--
an exception that is thrown while another one is pending shows no password of a path either
--INI--
zend.exception_ignore_args=0
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

/** All that an exception shows, with its previous ones. */
function shown(Throwable $error): string
{
    for ($all = ''; $error; $error = $error->getPrevious()) {
        $all .= $error->getMessage() . var_export($error->getTrace(), true);
    }
    return $all;
}

function check(string $what, Closure $call): void
{
    try {
        $call();
        ok("$what: throws", false);
    } catch (Throwable $error) {
        // PHP 8.4 and later leave the second one out in some of the cases.
        ok("$what: the second one", PHP_VERSION_ID >= 80400 || $error instanceof Error && $error->getPrevious() !== null,
            $error::class);
        $shown = shown($error);
        ok("$what: the password", !str_contains($shown, 'S3CRET'), $shown);
        ok("$what: a mask", str_contains($shown, '***'), $shown);
    }
}

$path = 'redis://:S3CRET@127.0.0.1:1';
set_error_handler(function (int $level, string $message): never {
    throw new ErrorException($message);
});
check('an option that is no text',
    fn () => session_start(['save_path' => $path, 'name' => '1', 'cookie_path' => new stdClass()]));

class MakesNoId extends SessionHandler
{
    public function open(string $path, string $name): bool
    {
        return true;
    }

    public function create_sid(): string
    {
        throw new LogicException('no id');
    }
}
session_set_save_handler(new MakesNoId());
check('a class that makes no id', fn () => session_start(['save_path' => $path]));
ini_set('session.save_path', $path);
check('the path of the setting', fn () => (fn (string $path) => session_start())($path));
--EXPECT--
ok: an option that is no text: the second one
ok: an option that is no text: the password
ok: an option that is no text: a mask
ok: a class that makes no id: the second one
ok: a class that makes no id: the password
ok: a class that makes no id: a mask
ok: the path of the setting: the second one
ok: the path of the setting: the password
ok: the path of the setting: a mask
