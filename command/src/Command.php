<?php

declare(strict_types=1);

namespace RustRedis\Command;

/** One of the commands. */
abstract class Command
{
    abstract public static function description(): string;

    /** The arguments as the help shows them, such as `ID`. */
    public static function usage(): string
    {
        return '';
    }

    /**
     * The options beside those of all commands: the name of the value (null for a flag), and the meaning.
     *
     * @return array<string, array{?string, string}>
     */
    public static function options(): array
    {
        return [];
    }

    /** Words that complete the first argument. @return list<string> */
    public static function words(): array
    {
        return [];
    }

    /** The largest number of arguments. */
    public static function arguments(): int
    {
        return preg_match_all('/[A-Z]{2,}/', static::usage());
    }

    /** The exit status: 0 if all is well. */
    abstract public function run(Input $input, Output $output): int;

    /** Ends the command if the extension lacks a function. */
    protected static function needs(string ...$functions): void
    {
        if (!extension_loaded('phpsess_rs')) {
            throw new Failure('The extension phpsess_rs is not loaded in this PHP: write extension=phpsess_rs.so into its '
                . (php_ini_loaded_file() ?: 'php.ini') . ', or name another one with --ini.');
        }
        foreach ($functions as $function) {
            if (!function_exists($function)) {
                throw new Failure("This needs $function(), which phpsess_rs " . phpversion('phpsess_rs') . ' does not have.');
            }
        }
    }
}
