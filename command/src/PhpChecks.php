<?php

declare(strict_types=1);

namespace RustRedis\Command;

/** Checks PHP's own configuration. */
final class PhpChecks
{
    /** The bits that an id needs, so that it cannot be guessed. */
    private const BITS = 128;

    /** @var list<Finding> */
    private array $findings = [];

    /**
     * @param ?int $workers the workers of a server, if they are known
     * @param ?string $project the folder of an application
     * @param ?string $prefix the prefix in use, if it is known
     */
    public function __construct(private ?int $workers, private ?string $project, private ?string $prefix)
    {
    }

    /** @return list<Finding> */
    public function run(): array
    {
        $this->handler();
        $this->ids();
        $this->lifetimes();
        $this->locks();
        $this->secrets();
        $this->leftOvers();
        $this->tracing();
        $this->metrics();
        return $this->findings;
    }

    private function add(string $level, string $name, string $what, string $fix): void
    {
        $this->findings[] = new Finding($level, $name, $what, $fix);
    }

    private static function ini(string $name): string
    {
        return (string) ini_get($name);
    }

    private static function isOn(string $name): bool
    {
        return filter_var(self::ini($name), FILTER_VALIDATE_BOOL);
    }

    private function handler(): void
    {
        $handler = self::ini('session.save_handler');
        if ($handler !== 'rustredis' && Configuration::isGiven()) {
            $this->add(Finding::HINT, 'save-handler', "session.save_handler is $handler: sessions are in Redis only by the class RustRedis\\SessionHandler.",
                'Let php.ini be if the framework makes the object (docs/frameworks.md); else write session.save_handler=rustredis.');
        } elseif ($handler !== 'rustredis') {
            $this->add(Finding::ERROR, 'save-handler', "session.save_handler is $handler: sessions are not in Redis.",
                'Write session.save_handler=rustredis into php.ini. Where a framework makes RustRedis\\SessionHandler, give its path: --save-path.');
        }
        if ($this->prefix === '') {
            $this->add(Finding::WARNING, 'prefix', 'The prefix is empty: the keys of sessions mix with all others.',
                'Set rustredis.prefix, or prefix= in session.save_path, which wins, for example to PHPREDIS_SESSION:. Sessions that exist are lost by that.');
        }
        if (!self::isOn('session.lazy_write')) {
            $this->add(Finding::WARNING, 'lazy-write', 'session.lazy_write is 0: a page that changes nothing writes its session all the same.',
                'Set session.lazy_write=1, which is the default.');
        }
        foreach (['connect_timeout' => 30, 'read_timeout' => 60] as $name => $most) {
            if ((float) self::ini("rustredis.$name") > $most) {
                $this->add(Finding::WARNING, 'timeouts', "rustredis.$name is " . self::ini("rustredis.$name")
                    . ' s: if Redis is away, each request keeps its worker for so long.', "Set rustredis.$name to a few seconds.");
            } elseif ((float) self::ini("rustredis.$name") < 0.1) {
                $this->add(Finding::WARNING, 'timeouts', "rustredis.$name is " . self::ini("rustredis.$name")
                    . ' s: a short pause of Redis or of the network fails requests.', "Set rustredis.$name to a second or more.");
            }
        }
    }

    private function ids(): void
    {
        if (!self::isOn('session.use_strict_mode')) {
            $this->add(Finding::WARNING, 'strict-mode', 'session.use_strict_mode is 0: an attacker can choose the id of a visitor (session fixation).',
                'Set session.use_strict_mode=1. It costs no round trip here.');
        }
        $bits = (int) self::ini('session.sid_length') * (int) self::ini('session.sid_bits_per_character');
        if ($bits > 0 && $bits < self::BITS) {
            $this->add(Finding::WARNING, 'sid-entropy', "A session id has $bits random bits (session.sid_length, session.sid_bits_per_character).",
                'Remove both settings: the defaults, 32 characters of 4 bits, give ' . self::BITS . ' bits.');
        }
        if (self::isOn('session.use_trans_sid') || !self::isOn('session.use_only_cookies')) {
            $this->add(Finding::WARNING, 'trans-sid', 'Session ids are taken from URLs, or are written into them, where they leak by logs and links.',
                'Set session.use_only_cookies=1 and session.use_trans_sid=0, which are the defaults.');
        }
    }

    private function lifetimes(): void
    {
        if ((int) self::ini('session.gc_maxlifetime') < 1) {
            $this->add(Finding::WARNING, 'gc-maxlifetime', 'session.gc_maxlifetime is ' . self::ini('session.gc_maxlifetime')
                . ': sessions live for 1440 s instead.', 'Set session.gc_maxlifetime to the seconds that a session lives after its last use.');
        }
        $cookie = (int) self::ini('session.cookie_lifetime');
        if ($cookie > Sessions::lifetime()) {
            $this->add(Finding::HINT, 'cookie-lifetime', "session.cookie_lifetime is $cookie s, and a session lives for " . Sessions::lifetime()
                . ' s after its last use (session.gc_maxlifetime): the cookie does not keep a user logged in.',
                'Set session.gc_maxlifetime to as much, or give the sessions that shall last a lifetime of their own: rustredis_session_lifetime().');
        }
        if (Sessions::lifetime() > 366 * 86400) {
            $this->add(Finding::WARNING, 'gc-maxlifetime', 'session.gc_maxlifetime is ' . self::ini('session.gc_maxlifetime')
                . ' s, more than a year: Redis keeps each bot\'s session for so long.', 'Set session.gc_maxlifetime to the seconds that a session lives after its last use.');
        }
        $first = (int) self::ini('rustredis.first_lifetime');
        if ($first > 0 && $first > Sessions::lifetime()) {
            $this->add(Finding::WARNING, 'first-lifetime', 'rustredis.first_lifetime is longer than session.gc_maxlifetime, and so has no effect.',
                'Set rustredis.first_lifetime to less, or to 0.');
        }
        $absolute = (int) self::ini('rustredis.absolute_timeout');
        if ($absolute > 0 && $absolute < Sessions::lifetime()) {
            $this->add(Finding::WARNING, 'absolute-timeout', 'rustredis.absolute_timeout is shorter than session.gc_maxlifetime: sessions end while they are used.',
                'Set rustredis.absolute_timeout to some hours, or session.gc_maxlifetime to less.');
        }
    }

    private function locks(): void
    {
        if (!self::isOn('rustredis.locking')) {
            $this->add(Finding::WARNING, 'locking', 'rustredis.locking is 0: of two requests of a visitor, one can lose its changes.',
                'Set rustredis.locking=1, and use read_and_close on pages that only read.');
        }
        $waiters = (int) self::ini('rustredis.lock_max_waiters');
        if ($waiters === 0) {
            $this->add(Finding::WARNING, 'lock-max-waiters', 'rustredis.lock_max_waiters is 0: one session can keep all workers waiting.',
                'Set rustredis.lock_max_waiters to less than the number of workers; the default is 12.');
        } elseif ($this->workers !== null && $waiters + 1 >= $this->workers) {
            // The default is right for most pools. It is no fault of this configuration in a small one.
            $level = get_cfg_var('rustredis.lock_max_waiters') === false ? Finding::HINT : Finding::WARNING;
            $this->add($level, 'lock-max-waiters', "rustredis.lock_max_waiters is $waiters, and there are $this->workers workers: one session can keep all of them.",
                'Set rustredis.lock_max_waiters well below the number of workers, or raise pm.max_children.');
        }
        if (self::isOn('rustredis.lock_mixed')) {
            $this->add(Finding::WARNING, 'lock-mixed', 'rustredis.lock_mixed is 1: waiting requests poll, and have no order.',
                'Set rustredis.lock_mixed=0 as soon as no server uses phpredis for these sessions any more.');
        }
        if ((float) self::ini('rustredis.lock_wait') > 60) {
            $this->add(Finding::WARNING, 'lock-wait', 'rustredis.lock_wait is ' . self::ini('rustredis.lock_wait')
                . ' s: web servers and visitors give up before, and the worker waits on.', 'Set rustredis.lock_wait below the time after which the web server gives up; the default is 10.');
        }
        $hold = (float) self::ini('rustredis.lock_max_hold');
        if ($hold > 0 && $hold < (float) self::ini('rustredis.lock_lease')) {
            $this->add(Finding::WARNING, 'lock-max-hold', "rustredis.lock_max_hold is $hold s, less than a lease (rustredis.lock_lease): longer requests lose their changes.",
                'Set rustredis.lock_max_hold above the longest request; the default is 300.');
        }
        if ((float) self::ini('rustredis.lock_lease') > 60) {
            $this->add(Finding::WARNING, 'lock-lease', 'rustredis.lock_lease is ' . self::ini('rustredis.lock_lease')
                . ' s: the session of a request that crashed is blocked for so long.', 'Set rustredis.lock_lease to the default, 10: a request that lives renews its lease.');
        }
    }

    private function secrets(): void
    {
        $path = Configuration::path();
        if (Configuration::hasPassword($path)) {
            $this->add(Finding::WARNING, 'password-in-path', 'The password is in session.save_path, which php.ini listings and phpinfo() show.',
                'Set rustredis.username and rustredis.password, and take it out of session.save_path.');
        }
        if (preg_match('~verify_peer(?:_name)?(?:\]|%5D)=(?:0|off|no|false)|allow_self_signed(?:\]|%5D)=(?:1|on|yes|true)~i', $path)) {
            $this->add(Finding::WARNING, 'tls-verify', 'session.save_path turns the check of the certificate off: any machine on the way can pretend to be Redis.',
                'Remove verify_peer and allow_self_signed, and name the authority by stream[cafile].');
        }
        if (self::ini('rustredis.json_objects') === 'serialize') {
            $this->add(Finding::WARNING, 'json-objects', 'rustredis.json_objects is serialize: who can write to Redis can have PHP make objects of any class.',
                'Set rustredis.json_objects=refuse, and store arrays.');
        }
        if (self::isOn('rustredis.admin')) {
            $this->add(Finding::WARNING, 'admin', 'rustredis.admin is 1: every script of this PHP can see all sessions.',
                'Set rustredis.admin=0. The command line needs no such setting.');
        }
    }

    private function leftOvers(): void
    {
        $path = Configuration::path();
        if (preg_match('~:11211\b|^memcached?://~', $path)) {
            $this->add(Finding::ERROR, 'save-path', 'session.save_path is that of memcached: ' . Configuration::masked($path) . '.',
                'Write the address of Redis, such as tcp://host:6379.');
        } elseif (str_contains($path, '/') && !str_contains($path, '://') && !preg_match('~^[^/]+:\d+~', $path) && !str_starts_with($path, 'seed')) {
            $this->add(Finding::ERROR, 'save-path', "session.save_path is a folder of PHP's files: " . Configuration::masked($path) . '.',
                'Write the address of Redis, such as tcp://host:6379.');
        }
        $others = [];
        foreach (['redis.session.', 'memcached.sess_', 'memcache.session_'] as $prefix) {
            foreach (self::configured() as $name => $value) {
                if (str_starts_with($name, $prefix)) {
                    $others[] = $name;
                }
            }
        }
        if ($others !== []) {
            $this->add(Finding::WARNING, 'left-over-settings', 'Settings of another session handler have no effect any more: ' . implode(', ', $others) . '.',
                'Remove them from php.ini; docs/migrating.md names those of rustredis that take their place.');
        }
    }

    /**
     * The extension's own advice. The extension gives it when it opens a session, so one is read that does not exist,
     * which stores nothing. This changes settings, and comes last.
     *
     * @return list<Finding>
     */
    public static function advice(): array
    {
        if (ini_get('session.save_handler') !== 'rustredis' && Configuration::isGiven()) {
            ini_set('session.save_handler', 'rustredis');
        }
        if (ini_get('session.save_handler') === 'rustredis') {
            session_id('rustredis-doctor-' . bin2hex(random_bytes(16)));
            @session_start(['read_and_close' => true, 'use_cookies' => false, 'use_strict_mode' => false, 'cache_limiter' => '']);
        }
        $made = static fn (string $advice): Finding =>
            new Finding(Finding::WARNING, 'advice', $advice, 'Change what this advice of the extension names.');
        return array_map($made, rustredis_status()['advice']);
    }

    /** The settings of php.ini and of the command line. @return array<string, mixed> */
    private static function configured(): array
    {
        $found = [];
        foreach (['redis.session.locking_enabled', 'redis.session.lock_expire', 'redis.session.lock_retries',
            'redis.session.lock_wait_time', 'redis.session.early_refresh', 'redis.session.compression',
            'memcached.sess_locking', 'memcached.sess_prefix', 'memcached.sess_lock_expire', 'memcached.sess_lock_wait_min',
            'memcached.sess_lock_wait_max', 'memcached.sess_lock_retries', 'memcached.sess_binary_protocol',
            'memcached.sess_persistent', 'memcached.sess_number_of_replicas', 'memcache.session_redundancy'] as $name) {
            if (get_cfg_var($name) !== false) {
                $found[$name] = get_cfg_var($name);
            }
        }
        return $found;
    }

    private function metrics(): void
    {
        $file = self::ini('rustredis.metrics_file');
        if ($file !== '' && !is_dir(dirname($file))) {
            $this->add(Finding::WARNING, 'metrics-file', "The folder of rustredis.metrics_file=$file is not there: PHP counts in its memory, and a reload begins anew.",
                'Make the folder before PHP-FPM starts, for example by RuntimeDirectory= of its unit, or a file in /etc/tmpfiles.d.');
        }
        $size = self::ini('rustredis.max_value_size');
        if (preg_match('/^\d+$/D', $size) && $size > 0 && $size < 1024) {
            $this->add(Finding::WARNING, 'max-value-size', "rustredis.max_value_size is $size bytes: hardly a session is so small.",
                'Set rustredis.max_value_size with its unit, such as 1M.');
        }
    }

    /** OpenTelemetry's package for sessions writes the raw id into spans. */
    private function tracing(): void
    {
        $package = 'open-telemetry/opentelemetry-auto-session';
        foreach (array_filter([$this->project, getcwd() ?: null]) as $folder) {
            $installed = @file_get_contents("$folder/vendor/composer/installed.json");
            if ($installed !== false && str_contains($installed, "\"$package\"")) {
                $this->add(Finding::WARNING, 'opentelemetry', "$package is installed in $folder: it writes whole session ids into spans, and an id is as good as a password.",
                    "Remove it: composer remove $package.");
                return;
            }
        }
    }
}
