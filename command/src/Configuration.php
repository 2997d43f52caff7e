<?php

declare(strict_types=1);

namespace RustRedis\Command;

/** The configuration of the PHP that runs the command, which need not be that of the web server's PHP. */
final class Configuration
{
    /** Parameters of session.save_path whose values are no secrets. */
    private const HARMLESS = ['prefix', 'database', 'timeout', 'read_timeout', 'weight', 'tls', 'persistent', 'retry_interval'];

    /** @return array{php: string, sapi: string, ini: ?string, save_handler: string, save_path: string, prefix: string} */
    public static function describe(): array
    {
        return [
            'php' => PHP_VERSION,
            'sapi' => PHP_SAPI,
            'ini' => php_ini_loaded_file() ?: null,
            'save_handler' => (string) ini_get('session.save_handler'),
            'save_path' => self::masked((string) ini_get('session.save_path')),
            'prefix' => (string) ini_get('rustredis.prefix'),
        ];
    }

    public static function line(): string
    {
        $ini = php_ini_loaded_file() ?: 'no php.ini';
        $path = self::masked((string) ini_get('session.save_path'));
        return "Using $ini: session.save_path " . ($path === '' ? 'is not set' : "= $path");
    }

    /** A save path without what may be a secret. */
    public static function masked(string $path): string
    {
        $path = (string) preg_replace('~//[^/?@,]*@~', '//***@', $path);
        $hide = static function (array $found): string {
            $is_harmless = in_array(strtolower($found[2]), self::HARMLESS, true);
            return $found[1] . $found[2] . '=' . ($is_harmless ? $found[3] : '***');
        };
        return (string) preg_replace_callback('~([?&]|^)([^=&?,/]+)=([^&,]*)~', $hide, $path);
    }

    /**
     * Starts the command again with another php.ini, and never returns.
     *
     * @param list<string> $words
     */
    public static function restart(string $script, string $ini, array $words): never
    {
        if (!is_readable($ini) || is_dir($ini)) {
            throw new Failure("$ini cannot be read.");
        }
        // Debian has a folder of settings for each server API beside its php.ini.
        $folder = dirname((string) realpath($ini)) . '/conf.d';
        $environment = getenv();
        if (is_dir($folder)) {
            $environment['PHP_INI_SCAN_DIR'] = $folder;
        }
        $arguments = ['-c', $ini, $script, ...$words];
        if (function_exists('pcntl_exec')) {
            pcntl_exec(PHP_BINARY, $arguments, $environment);
        }
        $process = proc_open([PHP_BINARY, ...$arguments], [STDIN, STDOUT, STDERR], $pipes, null, $environment);
        if (!is_resource($process)) {
            throw new Failure(PHP_BINARY . ' cannot be started.');
        }
        exit(proc_close($process));
    }
}
