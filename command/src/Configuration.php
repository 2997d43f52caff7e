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

    /** The variable that hands the folder with the settings of a pool to the command that is started again. */
    private const FOLDER = 'RUSTREDIS_POOL_FOLDER';
    private const WORKERS = 'RUSTREDIS_POOL_WORKERS';

    /**
     * Starts the command again with another php.ini, or with the settings of an FPM pool as well, and never returns.
     *
     * @param list<string> $words
     */
    public static function restart(string $script, ?string $ini, ?string $pool, array $words): never
    {
        $environment = getenv();
        $folders = $environment['PHP_INI_SCAN_DIR'] ?? '';
        if ($ini !== null) {
            self::check($ini);
            // Debian has a folder of settings for each server API beside its php.ini.
            $folder = dirname((string) realpath($ini)) . '/conf.d';
            $folders = is_dir($folder) ? $folder : $folders;
        }
        if ($folders !== '') {
            $environment['PHP_INI_SCAN_DIR'] = $folders;
        }
        if ($pool !== null) {
            self::check($pool);
            [$settings, $workers] = self::pool($pool);
            // The settings may have a password, and other users see a command line.
            $folder = sys_get_temp_dir() . '/rustredis-' . bin2hex(random_bytes(8));
            if (!mkdir($folder, 0700) || file_put_contents("$folder/pool.ini", $settings) === false) {
                throw new Failure("$folder cannot be written.");
            }
            // An empty name stands for the folder that is built into PHP.
            $environment['PHP_INI_SCAN_DIR'] = ($environment['PHP_INI_SCAN_DIR'] ?? '') . ":$folder";
            $environment[self::FOLDER] = $folder;
            $environment[self::WORKERS] = (string) $workers;
        }
        $ini ??= php_ini_loaded_file() ?: null;
        $arguments = [...($ini === null ? [] : ['-c', $ini]), $script, ...$words];
        if (function_exists('pcntl_exec')) {
            pcntl_exec(PHP_BINARY, $arguments, $environment);
        }
        $process = proc_open([PHP_BINARY, ...$arguments], [STDIN, STDOUT, STDERR], $pipes, null, $environment);
        if (!is_resource($process)) {
            throw new Failure(PHP_BINARY . ' cannot be started.');
        }
        exit(proc_close($process));
    }

    /** Deletes the settings of a pool, which PHP has read by now. */
    public static function tidy(): void
    {
        $folder = (string) getenv(self::FOLDER);
        if (preg_match('~/rustredis-[0-9a-f]{16}$~D', $folder)) {
            @unlink("$folder/pool.ini");
            @rmdir($folder);
        }
    }

    /** The workers of the pool, if its file was given and names them. */
    public static function workers(): ?int
    {
        return (int) getenv(self::WORKERS) ?: null;
    }

    /**
     * The settings of an FPM pool as a php.ini, and its workers.
     *
     * @return array{string, int}
     */
    private static function pool(string $file): array
    {
        $settings = '';
        $workers = 0;
        foreach (file($file, FILE_IGNORE_NEW_LINES) ?: [] as $line) {
            if (preg_match('/^\s*php_(?:admin_)?(?:value|flag)\[([^\]]+)\]\s*=\s*(.*?)\s*$/', $line, $found)) {
                $value = preg_match('/^(["\'])(.*)\1$/', $found[2], $quoted) ? $quoted[2] : $found[2];
                $quote = str_contains($value, "'") ? '"' : "'";
                $settings .= "$found[1] = $quote$value$quote\n";
            } elseif (preg_match('/^\s*pm\.max_children\s*=\s*(\d+)/', $line, $found)) {
                $workers = (int) $found[1];
            }
        }
        return [$settings, $workers];
    }

    private static function check(string $file): void
    {
        if (!is_readable($file) || is_dir($file)) {
            throw new Failure("$file cannot be read.");
        }
    }
}
