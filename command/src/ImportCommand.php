<?php

declare(strict_types=1);

namespace RustRedis\Command;

/** Brings sessions from a file, from PHP's own files, or from keys with another prefix. */
final class ImportCommand extends Command
{
    /** The number of sessions between two marks of a file. */
    private const STEP = 500;
    /** The bytes of sessions that are held at most, beside one session. */
    private const HELD = 8_000_000;
    /** The year 2100 in milliseconds: no session lives for so long. */
    private const LATEST = 4_102_444_800_000;

    private int $imported = 0;
    private int $kept = 0;
    private int $expired = 0;
    private int $bad = 0;
    private ?int $firstBad = null;
    /** The first and last lines of exports in the file, its sessions, and those that it should have. */
    private int $begun = 0;
    private int $ended = 0;
    private int $lines = 0;
    private int $claimed = 0;
    private bool $isCut = false;
    /** The folders that could not be read. */
    private int $closed = 0;
    /** The links (under an empty name) and the files that were left out, by the names of their owners. @var array<string, int> */
    private array $foreign = [];
    private bool $replace = false;

    public static function description(): string
    {
        return "brings sessions: from an export, from the folder of PHP's files, or from another prefix or server";
    }

    public static function usage(): string
    {
        return '[FILE]';
    }

    public static function options(): array
    {
        return [
            'from' => ['PATH', "instead of a file: the session.save_path of other sessions, such as tcp://old:6379?prefix=OLD: (- reads it from standard input; php.ini's user and password go there, unless it has its own)"],
            'from-prefix' => ['PREFIX', 'instead of a file: other keys of the same servers'],
            'owner' => ['USER', "with the folder of PHP's files: the user that they belong to (who runs the command)"],
            'replace' => [null, 'overwrite sessions that exist, and bring back those that have ended'],
            'resume' => [null, 'go on with a file whose import was stopped'],
        ];
    }

    public function run(Input $input, Output $output): int
    {
        self::needs('rustredis_scan', 'rustredis_stored', 'rustredis_store');
        $this->replace = $input->has('replace');
        $file = $input->argument(0);
        $sources = array_filter([$file, $input->option('from'), $input->option('from-prefix')], 'is_string');
        if (count($sources) !== 1) {
            throw Failure::usage('One source is needed: a file, a folder, --from or --from-prefix.');
        }
        $is_file = $file !== null && is_file($file);
        if ($input->has('resume') && !$is_file) {
            throw Failure::usage('--resume is for a file: without --replace, the sessions that are there stay as they are.');
        }
        if ($input->option('owner') !== null && ($file === null || !is_dir($file))) {
            throw Failure::usage("--owner is for a folder of PHP's files.");
        }
        $output->note(Configuration::line());
        match (true) {
            $file === null => $this->fromKeys($input, $output),
            $file !== '-' && is_dir($file) => $this->fromFolder($file, self::owner($input->option('owner')), $output),
            default => $this->fromFile($file, $is_file, $input->has('resume'), $output),
        };
        $output->clearBar();
        if ($output->json) {
            $output->data(['imported' => $this->imported, 'kept' => $this->kept, 'expired' => $this->expired, 'bad' => $this->bad,
                'left_out' => array_sum($this->foreign), 'closed' => $this->closed, 'cut' => $this->isCut]);
        } else {
            $output->line(number_format($this->imported) . ' sessions were imported.');
            foreach (['existed or had ended, and stayed as they are (--replace overwrites them)' => $this->kept, 'had expired' => $this->expired,
                'could not be read' => $this->bad, 'folders could not be read' => $this->closed] as $what => $count) {
                if ($count > 0) {
                    $output->line(number_format($count) . " $what.");
                }
            }
        }
        if ($this->imported > 0 && $this->kept > 0 && !$this->replace) {
            $memory = max((int) ini_get('rustredis.lock_max_hold'), (int) ini_get('rustredis.ended_memory'));
            $output->note('Some of the sessions were there already. If an earlier import brought them, others may be back that have '
                . "logged out since, more than $memory s ago.");
        }
        if ($this->firstBad !== null) {
            $output->note("The first one that could not be read is in line $this->firstBad.");
        }
        if ($this->isCut) {
            $output->note("The export is not whole: the file has $this->lines sessions" . ($this->claimed > $this->lines ? " of $this->claimed." : ', and no end.'));
        }
        foreach ($this->foreign as $owner => $count) {
            $output->note($owner === '' ? number_format($count) . ' files were left out: they are links, or no files.'
                : number_format($count) . " files of $owner were left out: others may write into this folder. --owner=$owner takes the files of that user.");
        }
        return $this->bad + $this->closed + count($this->foreign) > 0 || $this->isCut ? 1 : 0;
    }

    private function store(string $id, string $data, ?int $ttl, ?string $state = null, ?int $state_ttl = null): void
    {
        if (!preg_match('/^[A-Za-z0-9,-]{1,256}$/D', $id)) {
            $this->bad++;
            return;
        }
        if ($ttl !== null && $ttl < 1) {
            $this->expired++;
            return;
        }
        try {
            $is_stored = rustredis_store($id, $data, $ttl, $state, $state_ttl === null ? null : max(1, $state_ttl), $this->replace);
        } catch (\RustRedis\SessionException $failure) {
            // A state of an unknown form, or something else of another program beside this session.
            if (!preg_match('~WRONGTYPE|docs/wire-format\.md~', $failure->getMessage())) {
                throw $failure;
            }
            $this->bad++;
            return;
        }
        if ($is_stored) {
            $this->imported++;
        } else {
            $this->kept++;
        }
    }

    private function fromFile(string $file, bool $has_marks, bool $resume, Output $output): void
    {
        $stream = $file === '-' ? STDIN : (@fopen($file, 'r') ?: throw new Failure("$file cannot be read."));
        $size = $has_marks ? (int) filesize($file) : null;
        $marker = "$file.imported";
        $place = 0;
        $import = '';
        if ($has_marks) {
            // A mark counts for this export and for these servers.
            $import = hash('sha256', serialize([fgets($stream), $size, Configuration::path(), ini_get('rustredis.prefix')]));
            rewind($stream);
            $mark = is_file($marker) ? explode(' ', trim((string) file_get_contents($marker))) : [];
            if ($resume && ($mark[1] ?? null) === $import) {
                $place = (int) $mark[0];
            } elseif ($resume) {
                $output->note(($mark === [] ? "There is no $marker" : "$marker is of another import")
                    . ': this one begins at the beginning of the file.');
            }
            if ($place === 0 && $mark !== []) {
                unlink($marker);
            }
        }
        for ($number = 1; ($line = fgets($stream)) !== false; $number++) {
            $bad = $this->bad;
            $this->line($line, ftell($stream) > $place || $place === 0, $output);
            if ($this->bad > $bad) {
                $this->firstBad ??= $number;
            }
            if ($number % self::STEP === 0 && $size !== null && ftell($stream) > $place) {
                if ($has_marks && !self::mark($marker, ftell($stream) . " $import")) {
                    $output->note("$marker cannot be written: an import that is stopped begins again.");
                    $has_marks = false;
                }
                $output->progress((int) ftell($stream), $size);
            }
        }
        if ($has_marks && is_file($marker)) {
            unlink($marker);
        }
        $this->isCut = $this->begun > $this->ended || $this->lines < $this->claimed;
    }

    /** The place where a stopped import goes on: a mark is whole, or is the one before. */
    private static function mark(string $marker, string $mark): bool
    {
        $mask = umask(0177);
        // Nobody else's link of that name is followed.
        @unlink("$marker.new");
        $stream = @fopen("$marker.new", 'x');
        umask($mask);
        if ($stream === false) {
            return false;
        }
        $is_there = fwrite($stream, $mark) === strlen($mark) && fclose($stream) && @rename("$marker.new", $marker);
        return $is_there || (@unlink("$marker.new") && false);
    }

    /** @param bool $is_new false for a line that was imported before the import was stopped */
    private function line(string $line, bool $is_new, Output $output): void
    {
        $session = json_decode($line, true);
        if (!is_array($session)) {
            $this->bad += (int) $is_new;
            return;
        }
        if (isset($session['rustredis'])) {
            $this->begun++;
            if ($session['rustredis'] !== 1) {
                throw new Failure('This export is of a newer form, which this command does not know.');
            }
            $ours = (string) ini_get('session.serialize_handler');
            $theirs = $session['serialize_handler'] ?? $ours;
            if ($theirs !== $ours) {
                $theirs = is_string($theirs) ? Output::plain($theirs) : '?';
                $output->note("These sessions were written with session.serialize_handler=$theirs, and this PHP has $ours.");
            }
            return;
        }
        if (isset($session['end'])) {
            $this->ended++;
            $this->claimed += is_int($session['sessions'] ?? null) ? $session['sessions'] : 0;
            return;
        }
        if (isset($session['cursor'])) {
            return;
        }
        $this->lines++;
        if (!$is_new) {
            return;
        }
        $id = $session['id'] ?? null;
        $data = self::bytes($session, 'text', 'base64');
        $state = self::bytes($session, 'state', 'state_base64');
        $is_good = is_string($id) && is_string($data) && self::isTime($session, 'expires_ms')
            && ($state === null || (is_string($state) && self::isTime($session, 'state_expires_ms')));
        if (!$is_good) {
            $this->bad++;
            return;
        }
        $now = (int) (microtime(true) * 1000);
        $left = static fn (?int $until): ?int => $until === null ? null : $until - $now;
        $this->store($id, $data, $left($session['expires_ms']), $state, $state === null ? null : $left($session['state_expires_ms']));
    }

    /**
     * Bytes of an export, null if there are none, or false for what are no bytes.
     *
     * @param array<mixed> $session
     */
    private static function bytes(array $session, string $text, string $base64): string|false|null
    {
        $value = $session[$text] ?? null;
        $encoded = $session[$base64] ?? null;
        return match (true) {
            $value !== null => is_string($value) ? $value : false,
            $encoded !== null => is_string($encoded) ? base64_decode($encoded, true) : false,
            default => null,
        };
    }

    /**
     * A time of an export is an integer, or null for ever. Another one would make a session that nobody ever deletes.
     *
     * @param array<mixed> $session
     */
    private static function isTime(array $session, string $name): bool
    {
        $is_there = array_key_exists($name, $session);
        $time = $session[$name] ?? null;
        return $is_there && ($time === null || (is_int($time) && $time >= 0 && $time < self::LATEST));
    }

    /** PHP's files: sess_ID, also in folders of folders (session.save_path = "2;/folder"). */
    private function fromFolder(string $folder, ?int $owner, Output $output): void
    {
        $lifetime = Sessions::lifetime();
        $seen = 0;
        foreach ($this->files($folder, false) ?? throw new Failure("$folder cannot be read.") as $path => $is_shared) {
            if (++$seen % self::STEP === 0) {
                $output->progress($seen, null);
            }
            $found = $this->content($path, $is_shared ? $owner ?? self::user() : $owner);
            // PHP makes an empty file for a session that is not stored yet.
            if ($found !== null && $found[0] !== '') {
                // The clock of another machine may have been ahead.
                $now = (int) (microtime(true) * 1000);
                $left = min($found[1] * 1000, $now) + $lifetime * 1000 - $now;
                $this->store(substr(basename($path), 5), $found[0], $left);
            }
        }
    }

    /**
     * The files of sessions in a folder and in its folders, each with whether others may write into one of the folders on
     * the way to it.
     *
     * @return ?\Generator<string, bool> null if the folder cannot be read
     */
    private function files(string $folder, bool $is_shared): ?\Generator
    {
        $names = @opendir($folder);
        if ($names === false) {
            return null;
        }
        $is_shared = $is_shared || ((int) fileperms($folder) & 0022) !== 0;
        return (function () use ($names, $folder, $is_shared): \Generator {
            while (($name = readdir($names)) !== false) {
                $path = "$folder/$name";
                if (str_starts_with($name, 'sess_')) {
                    yield $path => $is_shared;
                } elseif ($name !== '.' && $name !== '..' && !is_link($path) && is_dir($path)) {
                    $inner = $this->files($path, $is_shared);
                    if ($inner === null) {
                        $this->closed++;
                    } else {
                        yield from $inner;
                    }
                }
            }
            closedir($names);
        })();
    }

    /**
     * A file's content and the time of its last change, or null. In a folder where others may write, anybody can put a
     * file, or a link to one, under an id of their own: PHP itself follows no link, and takes no file of another user.
     *
     * @param ?int $owner the user that the file must belong to, if it matters
     * @return ?array{string, int}
     */
    private function content(string $path, ?int $owner): ?array
    {
        $named = @lstat($path);
        if ($named === false) {
            // PHP has deleted it by now.
            return null;
        }
        $is_link = ($named['mode'] & 0170000) !== 0100000 || ($owner !== null && $named['nlink'] > 1);
        if ($is_link || ($owner !== null && $named['uid'] !== $owner)) {
            $this->leaveOut($is_link ? null : $named['uid']);
            return null;
        }
        // Something else may have taken its place by now: n is O_NONBLOCK.
        $stream = @fopen($path, 'rn');
        if ($stream === false) {
            $this->bad++;
            return null;
        }
        $opened = (array) fstat($stream);
        foreach (['dev', 'ino', 'uid', 'mode'] as $field) {
            if (($opened[$field] ?? null) !== $named[$field]) {
                $this->leaveOut(null);
                return null;
            }
        }
        $data = stream_get_contents($stream);
        fclose($stream);
        if ($data === false) {
            $this->bad++;
            return null;
        }
        return [$data, $opened['mtime']];
    }

    /** @param ?int $owner the owner of the file, or null for a link */
    private function leaveOut(?int $owner): void
    {
        $name = match (true) {
            $owner === null => '',
            function_exists('posix_getpwuid') => posix_getpwuid($owner)['name'] ?? (string) $owner,
            default => (string) $owner,
        };
        $this->foreign[$name] = ($this->foreign[$name] ?? 0) + 1;
    }

    private static function user(): int
    {
        return function_exists('posix_geteuid') ? posix_geteuid() : (int) fileowner('/proc/self');
    }

    private static function owner(?string $name): ?int
    {
        return match (true) {
            $name === null => null,
            preg_match('/^[0-9]{1,10}$/D', $name) === 1 => (int) $name,
            default => (function_exists('posix_getpwnam') ? posix_getpwnam($name)['uid'] ?? null : null)
                ?? throw Failure::usage('--owner is the name or the number of a user of this machine.'),
        };
    }

    private function fromKeys(Input $input, Output $output): void
    {
        // A path that nobody has set must not be set to the folder that is built into PHP.
        $own = ['session.save_path' => Configuration::path() ?: Configuration::DEFAULT_PATH, 'rustredis.prefix' => (string) ini_get('rustredis.prefix')];
        $prefix = $input->option('from-prefix');
        $path = $input->path('from', 'The session.save_path of the other sessions');
        if ($prefix !== null && str_contains($own['session.save_path'], 'prefix=')) {
            throw new Failure('session.save_path has a prefix of its own: give --from the whole path with the other prefix.');
        }
        $other = ($path === null ? [] : ['session.save_path' => $path]) + ($prefix === null ? [] : ['rustredis.prefix' => $prefix]) + $own;
        // In a Cluster the default prefix stands for another one.
        $is_cluster = preg_match('~^(?:cluster://|seed)~', $own['session.save_path']) === 1;
        if ($other == $own && !($is_cluster && $prefix !== null)) {
            throw Failure::usage('These are the sessions that are here already.');
        }
        $cursor = null;
        $seen = 0;
        $total = null;
        do {
            self::turnTo($other);
            $found = rustredis_scan($cursor);
            $total ??= $found['total'];
            $cursor = $found['cursor'];
            $page = [];
            $bytes = 0;
            foreach ($found['names'] as $id) {
                self::turnTo($other);
                $stored = Sessions::stored((string) $id);
                $this->bad += (int) ($stored === false);
                if (is_array($stored)) {
                    $page[(string) $id] = $stored;
                    $bytes += strlen($stored['data']);
                }
                if ($bytes > self::HELD) {
                    $this->storePage($page, $own);
                    $page = [];
                    $bytes = 0;
                }
            }
            $this->storePage($page, $own);
            $seen += 1000;
            $output->progress(min($seen, $total ?? $seen), $total);
        } while ($cursor !== null);
    }

    /**
     * @param array<array{data: string, ttl_ms: ?int, state: ?string, state_ttl_ms: ?int}> $page by the ids
     * @param array<string, string> $own the settings of the own servers
     */
    private function storePage(array $page, array $own): void
    {
        self::turnTo($own);
        foreach ($page as $id => $stored) {
            $this->store((string) $id, $stored['data'], $stored['ttl_ms'], $stored['state'], $stored['state_ttl_ms']);
        }
    }

    /** @param array<string, string> $settings */
    private static function turnTo(array $settings): void
    {
        foreach ($settings as $name => $value) {
            if (ini_get($name) !== $value && ini_set($name, $value) === false) {
                throw new Failure("$name cannot be changed to read the other sessions.");
            }
        }
    }
}
