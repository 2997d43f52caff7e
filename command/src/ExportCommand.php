<?php

declare(strict_types=1);

namespace RustRedis\Command;

/** Writes all sessions into a file. */
final class ExportCommand extends Command
{
    /** The beginning of an export. */
    private const HEAD = '{"rustredis":';

    public static function description(): string
    {
        return 'writes all sessions with their whole ids into a file that only you can read (scans all keys)';
    }

    public static function usage(): string
    {
        return 'FILE';
    }

    public static function options(): array
    {
        return [
            'force' => [null, 'overwrite the file'],
            'resume' => [null, 'go on with a file whose export was stopped'],
        ];
    }

    public function run(Input $input, Output $output): int
    {
        self::needs('rustredis_scan', 'rustredis_stored');
        $file = $input->required(0, 'The file (or - for standard output)');
        $output->note(Configuration::line());
        $cursor = null;
        $known = [];
        $count = $foreign = $gone = 0;
        if ($file === '-') {
            if ($input->has('resume') || $input->has('force')) {
                throw Failure::usage('--resume and --force are for a file.');
            }
            $stream = STDOUT;
            $mode = fstat(STDOUT)['mode'] ?? 0;
            if (($mode & 0170000) === 0100000 && ($mode & 0044) !== 0) {
                $output->note('Standard output is a file that others can read: umask 077 before the command prevents that.');
            }
        } elseif ($input->has('resume')) {
            [$stream, $cursor, $known] = self::reopened($file, $output);
            $count = count($known);
            if ($stream === null) {
                return 0;
            }
        } else {
            $stream = self::created($file, $input->has('force'));
        }
        if ($cursor === null) {
            self::write($stream, ['rustredis' => 1, 'exported' => gmdate('c'),
                'serialize_handler' => (string) ini_get('session.serialize_handler')]);
        }
        // A stopped export goes on at the last of these marks.
        $mark = static function (?string $cursor) use ($stream, &$count): void {
            if ($cursor !== null) {
                self::write($stream, ['cursor' => $cursor, 'sessions' => $count]);
                fflush($stream);
            }
        };
        foreach (Sessions::all($output, 'sessions', $cursor, $mark, $known) as $id) {
            $stored = Sessions::stored($id);
            if ($stored === false) {
                $foreign++;
            } elseif ($stored === null) {
                $gone++;
            } else {
                self::write($stream, self::session($id, $stored));
                $count++;
            }
        }
        self::write($stream, ['end' => true, 'sessions' => $count]);
        fflush($stream);
        if ($output->json && $file !== '-') {
            $output->data(['exported' => $count, 'file' => $file]);
        } else {
            $output->note(number_format($count) . ' sessions' . ($file === '-' ? '' : " are in $file")
                . '. The ids in it are as good as passwords: delete it when it has served.');
        }
        if ($foreign > 0) {
            $output->note(number_format($foreign) . ' keys were left out: another program keeps something else in them.');
        }
        // A session that ends between the scan and the look at it is a matter of milliseconds.
        $is_elsewhere = $gone > 0 && preg_match('~^(?!sentinels?://|cluster://|seed).*[,\s]+\S~', Configuration::path()) === 1;
        if ($is_elsewhere) {
            $output->note(number_format($gone) . ' sessions were found and left out: they have ended since, or they lie on another host than the '
                . 'one to which their id leads, where PHP does not find them either. One export of each host alone takes them.');
        }
        return $foreign > 0 || $is_elsewhere ? 1 : 0;
    }

    /**
     * @param array<string, mixed> $stored
     * @return array<string, mixed>
     */
    private static function session(string $id, array $stored): array
    {
        $now = (int) (microtime(true) * 1000);
        $until = static fn (?int $ms): ?int => $ms === null ? null : $now + $ms;
        return ['id' => $id]
            + Show::data($stored['data'])
            + ['expires_ms' => $until($stored['ttl_ms'])]
            + ($stored['state'] === null ? [] : Show::data($stored['state'], 'state', 'state_base64') + ['state_expires_ms' => $until($stored['state_ttl_ms'])]);
    }

    /** @return resource */
    private static function created(string $file, bool $force)
    {
        if (is_link($file)) {
            throw new Failure("$file is a link: name the file itself.");
        }
        if (file_exists($file) && !$force) {
            throw new Failure("$file exists: --force overwrites it, --resume goes on with it.");
        }
        $mask = umask(0177);
        if ($force && is_file($file)) {
            unlink($file);
        }
        $stream = @fopen($file, 'x');
        umask($mask);
        return $stream !== false && self::isIt($file, $stream) ? $stream : throw new Failure("$file cannot be written.");
    }

    /**
     * A file whose export was stopped, cut after its last mark.
     *
     * @return array{?resource, ?string, array<int, true>} no stream if nothing is left to do; the place to go on, or null
     *     for the beginning; the digests of the ids in the file
     */
    private static function reopened(string $file, Output $output): array
    {
        $stream = is_file($file) && !is_link($file) ? @fopen($file, 'r+') : false;
        if ($stream === false || !self::isIt($file, $stream)) {
            throw new Failure("$file cannot be opened, or is no file.");
        }
        $about = (array) fstat($stream);
        $own = function_exists('posix_geteuid') ? posix_geteuid() : (int) fileowner('/proc/self');
        if ($about['uid'] !== $own) {
            throw new Failure("$file belongs to another user, who could read it: begin again with --force.");
        }
        // Nothing is changed of a file that is no export, such as that of a slip of the keyboard.
        $head = (string) fread($stream, strlen(self::HEAD));
        rewind($stream);
        if ($head === '' || !str_starts_with(self::HEAD, $head)) {
            throw new Failure("$file is no export.");
        }
        if (($about['mode'] & 0077) !== 0) {
            chmod($file, 0600);
            $output->note("$file could be read by others, and cannot any more.");
        }
        $place = 0;
        $mark = null;
        $known = $new = [];
        for ($number = 0; ($line = fgets($stream)) !== false && str_ends_with($line, "\n"); $number++) {
            if (preg_match('/^\{"id":"([^"]+)"/', $line, $found)) {
                $new[Sessions::digest($found[1])] = true;
            } elseif (str_starts_with($line, '{"cursor"') || str_starts_with($line, '{"end"')) {
                $mark = json_decode($line, true);
                $place = (int) ftell($stream);
                $known += $new;
                $new = [];
            }
        }
        if (isset($mark['end'])) {
            $output->note("$file is complete.");
            return [null, null, $known];
        }
        // Without a mark, not even the first page is there.
        ftruncate($stream, $place);
        fseek($stream, $place);
        // Another program cannot know if a server without a name of its run was restarted.
        return [$stream, $mark === null ? null : preg_replace('/^\d+@@/', '0@@', (string) $mark['cursor']), $known];
    }

    /**
     * True if a stream is of the file that has this name, and of no other one to which a link leads.
     *
     * @param resource $stream
     */
    private static function isIt(string $file, $stream): bool
    {
        clearstatcache();
        $named = (array) @lstat($file);
        $opened = (array) fstat($stream);
        return isset($named['ino']) && [$named['dev'], $named['ino']] === [$opened['dev'] ?? null, $opened['ino'] ?? null];
    }

    /**
     * @param resource $stream
     * @param array<string, mixed> $line
     */
    private static function write($stream, array $line): void
    {
        $text = json_encode($line, JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_THROW_ON_ERROR) . "\n";
        if ($stream === STDOUT) {
            Output::write($text);
        } elseif (@fwrite($stream, $text) !== strlen($text)) {
            throw new Failure('The file cannot be written any further: is the disk full? --resume goes on.');
        }
    }
}
