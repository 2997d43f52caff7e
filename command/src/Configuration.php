<?php

declare(strict_types=1);

namespace RustRedis\Command;

/** The configuration of the PHP that runs the command, which need not be that of the web server's PHP. */
final class Configuration
{
    /** A server of session.save_path that has no secret in it. */
    private const HOST = '(?:[a-z0-9._-]+|\[[0-9a-f:.]+(?:%[\w.-]{1,15})?\])';
    private const NODE = self::HOST . '(?::\d{1,5})?';
    private const SERVER = '(?:unix:(?://)?/[\w./+~-]+'
        . '|(?:(?:tcp|tls|ssl|rediss?)://)?' . self::HOST . '(?::\d{1,5})?(?:/\d{1,4})?'
        . '|sentinels?://' . self::NODE . '(?:[,\s]+' . self::NODE . ')*/[\w.-]+(?:/\d{1,4})?'
        . '|(?:sentinels?|cluster)://' . self::NODE . '(?:[,\s]+' . self::HOST . ':\d{1,5})*(?:/[\w.-]+)?(?:/\d{1,4})?)';
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
        return "Using $ini: session.save_path " . ($path === '' ? 'is not set, which is ' . self::DEFAULT_PATH : "= $path")
            . (ini_get('session.save_handler') === 'rustredis' ? '' : ', although session.save_handler is ' . ini_get('session.save_handler'));
    }

    public const DEFAULT_PATH = 'tcp://127.0.0.1:6379';

    private static bool $isGiven = false;

    /** True if the path came on the command line. */
    public static function isGiven(): bool
    {
        return self::$isGiven;
    }

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
        // A password with a second @, or behind a question mark, could end anywhere.
        if (preg_match('#^([a-z]+://)[^?@]*@([^?@]+(?:\?[^@]*)?)$#Di', $path, $found)) {
            [, $scheme, $place] = $found;
            // What has no port may be the rest of a password.
            $is_place = preg_match('#^' . self::HOST . ':\d#i', $place) || (stripos($scheme, 'sentinel') === 0 && preg_match('#^[^?]+/#', $place));
            $shown = $is_place ? self::masked("$scheme$place") : '(not shown)';
            return str_contains($shown, '(not shown)') ? "$scheme(not shown)" : "$scheme***@" . substr($shown, strlen($scheme));
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

    /** The variables that hand the settings of a pool to the command that is started again, and its workers. */
    private const SETTING = 'RUSTREDIS_POOL_';
    private const WORKERS = 'RUSTREDIS_POOL_WORKERS';

    /** The settings of a pool that matter here. Others could end the command, or run code in it. */
    private const OF_SESSIONS = '/^(?:session|rustredis|redis|memcached?|igbinary|msgpack|openssl)\.[a-z0-9_.]+$/D';

    /** The settings that a web server's PHP may have, and with which the command would not work. */
    private const OWN = ['open_basedir=', 'disable_functions=', 'disable_classes=', 'auto_prepend_file=', 'auto_append_file=',
        'session.auto_start=0'];

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
        $ini ??= php_ini_loaded_file() ?: null;
        $arguments = $ini === null ? [] : ['-c', $ini];
        if ($pool !== null) {
            [$settings, $workers] = self::pool($pool);
            // The settings may have a password. Other users see a command line, and not its environment.
            foreach (array_keys($settings) as $number => $name) {
                $environment[self::SETTING . $number] = $settings[$name];
                array_push($arguments, '-d', "$name=\"\${" . self::SETTING . "$number}\"");
            }
            $environment[self::WORKERS] = (string) $workers;
        }
        foreach (self::OWN as $setting) {
            array_push($arguments, '-d', $setting);
        }
        array_push($arguments, $script, ...$words);
        if (function_exists('pcntl_exec')) {
            pcntl_exec(PHP_BINARY, $arguments, $environment);
        }
        $process = proc_open([PHP_BINARY, ...$arguments], [STDIN, STDOUT, STDERR], $pipes, null, $environment);
        if (!is_resource($process)) {
            throw new Failure(PHP_BINARY . ' cannot be started.');
        }
        exit(proc_close($process));
    }

    /** The workers of the pool, if its file was given and names them. */
    public static function workers(): ?int
    {
        return (int) getenv(self::WORKERS) ?: null;
    }

    /**
     * The settings of sessions of an FPM pool, and its workers.
     *
     * @param string $file the file, with :NAME behind it if it has several pools
     * @return array{array<string, string>, int}
     */
    private static function pool(string $file): array
    {
        $name = null;
        if (!is_file($file) && preg_match('~^(.+):([^:/]+)$~D', $file, $found)) {
            [, $file, $name] = $found;
        }
        $section = 'global';
        $pools = [];
        self::read($file, $section, $pools, 0);
        unset($pools['global']);
        $name ??= count($pools) === 1 ? (string) array_key_first($pools) : null;
        if ($name === null || !isset($pools[$name])) {
            throw Failure::usage($pools === [] ? "$file has no pool." : "Name one of the pools of $file: --pool $file:" . implode(', :', array_keys($pools)) . '.');
        }
        $settings = [];
        // FPM applies the second kind after the first.
        foreach ([['php_value', 'php_flag'], ['php_admin_value', 'php_admin_flag']] as $kinds) {
            foreach ($pools[$name] as [$kind, $setting, $value]) {
                if (in_array($kind, $kinds, true) && preg_match(self::OF_SESSIONS, $setting)) {
                    unset($settings[$setting]);
                    $settings[$setting] = str_replace('$pool', $name, $value);
                }
            }
        }
        $workers = 0;
        foreach ($pools[$name] as [$kind, , $value]) {
            $workers = $kind === 'pm.max_children' ? (int) $value : $workers;
        }
        return [$settings, $workers];
    }

    /**
     * Reads FPM's configuration as FPM does: line by line, each as one of php.ini.
     *
     * @param array<string, list<array{string, string, string}>> $pools gets the entries of each section
     */
    private static function read(string $file, string &$section, array &$pools, int $depth): void
    {
        self::check($file);
        foreach (file($file, FILE_IGNORE_NEW_LINES) ?: [] as $number => $line) {
            $parsed = @parse_ini_string($line, true, INI_SCANNER_NORMAL);
            if ($parsed === false) {
                throw new Failure("$file, line " . ($number + 1) . ': PHP-FPM cannot read this line.');
            }
            foreach ($parsed as $name => $value) {
                if (preg_match('/^\s*\[/', $line)) {
                    $section = (string) $name;
                    $pools[$section] ??= [];
                } elseif ($name === 'include' && is_string($value)) {
                    if ($depth > 5) {
                        throw new Failure("$file: files that include each other.");
                    }
                    foreach (glob($value[0] === '/' ? $value : dirname($file) . "/$value") ?: [] as $included) {
                        self::read($included, $section, $pools, $depth + 1);
                    }
                } else {
                    foreach ((array) $value as $setting => $text) {
                        $pools[$section][] = [(string) $name, (string) $setting, (string) $text];
                    }
                }
            }
        }
    }

    private static function check(string $file): void
    {
        if (!is_readable($file) || is_dir($file)) {
            throw new Failure("$file cannot be read.");
        }
    }
}
