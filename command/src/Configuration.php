<?php

declare(strict_types=1);

namespace RustRedis\Command;

/** The configuration of the PHP that runs the command, which need not be that of the web server's PHP. */
final class Configuration
{
    /** A server of session.save_path that has no secret in it. */
    private const HOST = '(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])';
    private const SERVER = '(?:unix:(?://)?/[\w./+~-]+'
        . '|(?:(?:tcp|tls|ssl|rediss?)://)?' . self::HOST . '(?::\d{1,5})?(?:/\d{1,4})?'
        . '|(?:sentinels?|cluster)://' . self::HOST . '(?::\d{1,5})?(?:[,\s]+' . self::HOST . ':\d{1,5})*(?:/[\w.-]+)?(?:/\d{1,4})?)';
    /** A parameter whose value has its usual form, and so is no secret. */
    private const HARMLESS = '(?:(?:weight|database|timeout|read_timeout|retry_interval)=[0-9.]{1,12}'
        . '|(?:persistent|tls|stream\[verify_peer(?:_name)?\])=(?:0|1|on|off|yes|no|true|false)'
        . '|seed\[\d*\]=' . self::HOST . ':\d{1,5}|failover=[a-z_]{1,20}|prefix=[\w.:{}-]*)(?=[&,\s]|$)';

    /**
     * @param ?string $prefix the prefix in use, if it is known
     * @return array{php: string, sapi: string, ini: ?string, save_handler: string, save_path: string, prefix: ?string}
     */
    public static function describe(?string $prefix): array
    {
        return [
            'php' => PHP_VERSION,
            'sapi' => PHP_SAPI,
            'ini' => php_ini_loaded_file() ?: null,
            'save_handler' => (string) ini_get('session.save_handler'),
            'save_path' => self::masked(self::path()),
            'prefix' => $prefix,
        ];
    }

    public static function line(): string
    {
        $ini = php_ini_loaded_file() ?: 'no php.ini';
        $path = self::masked(self::path());
        return "Using $ini: session.save_path " . ($path === '' ? 'is not set, which is ' . self::DEFAULT_PATH : "= $path");
    }

    public const DEFAULT_PATH = 'tcp://127.0.0.1:6379';

    private static bool $isGiven = false;

    /** Another path, which is the user's own. */
    public static function usePath(string $path): void
    {
        if (ini_set('session.save_path', $path) === false) {
            throw new Failure('This session.save_path is refused.');
        }
        self::$isGiven = true;
    }

    /**
     * session.save_path, or an empty text if nobody has set it: Debian builds a folder for PHP's own files into PHP, which
     * the extension takes for no path, too.
     */
    public static function path(): string
    {
        $is_set = self::$isGiven || get_cfg_var('session.save_path') !== false;
        return $is_set ? (string) ini_get('session.save_path') : '';
    }

    /**
     * A save path without what may be a secret. A password that is not percent-encoded, or a slip of its writer, can have
     * any character that would end it, so nothing is shown behind the first thing that is not known to be harmless.
     */
    public static function masked(string $path): string
    {
        if ($path === '' || self::isFolder($path)) {
            return $path;
        }
        if (!str_contains($path, '@')) {
            $query = self::HARMLESS . '(?:&' . self::HARMLESS . ')*';
            $server = '(?:' . self::SERVER . "(?:\\?$query)?)(?=[,\\s]|$)";
            // A word behind a comma without a port may be the rest of a password.
            $more = '[,\s]+(?=\S+://|unix:|[^\s,?&=]+:\d)' . $server;
            if (preg_match("#^(?:$server(?:$more)*|(?=seed)$query)$#Di", $path)) {
                return $path;
            }
            if (preg_match('#^' . self::SERVER . '\?(?:' . self::HARMLESS . '&)*#i', $path, $found)
                || preg_match('#^(?=seed)(?:' . self::HARMLESS . '&)+#i', $path, $found)) {
                return "$found[0]***";
            }
        }
        $scheme = preg_match('~^(?:tcp|tls|ssl|rediss?|sentinels?|cluster|unix)://~i', $path, $found) ? $found[0] : '';
        return "$scheme(not shown)";
    }

    /** A folder of PHP's files handler. */
    public static function isFolder(string $path): bool
    {
        return preg_match('~^(?:\d+;){0,2}/[\w./ -]*$~D', $path) === 1;
    }

    /** A path that has a password, also one that was mistyped. */
    public static function hasPassword(string $path): bool
    {
        $text = rawurldecode($path);
        return preg_match('~[?&,\s](?:sentinel_)?(?:auth|pass|password)(?:=|\[)|^(?!unix:)(?:[a-z]+:(?=//))?+[^@]*:[^@]*@~i', $text) === 1;
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
