<?php

declare(strict_types=1);

namespace RustRedis\Command;

/** Writes all sessions into a file. */
final class ExportCommand extends Command
{
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
        $count = $foreign = 0;
        if ($file === '-') {
            $stream = STDOUT;
        } elseif ($input->has('resume')) {
            [$stream, $cursor, $count] = self::reopened($file);
            if ($cursor === null) {
                $output->note("$file is complete.");
                return 0;
            }
        } else {
            $stream = self::created($file, $input->has('force'));
        }
        if ($cursor === null) {
            self::write($stream, ['rustredis' => 1, 'exported' => gmdate('c'), 'prefix' => (string) ini_get('rustredis.prefix'),
                'serialize_handler' => (string) ini_get('session.serialize_handler')]);
        }
        // A stopped export goes on at the last of these marks.
        $mark = static function (?string $cursor) use ($stream, &$count): void {
            if ($cursor !== null) {
                self::write($stream, ['cursor' => $cursor, 'sessions' => $count]);
                fflush($stream);
            }
        };
        foreach (Sessions::all($output, 'sessions', $cursor, $mark) as $id) {
            $stored = Sessions::stored($id);
            if ($stored === false) {
                $foreign++;
            } elseif ($stored !== null) {
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
            return 1;
        }
        return 0;
    }

    /**
     * @param array<string, mixed> $stored
     * @return array<string, mixed>
     */
    private static function session(string $id, array $stored): array
    {
        $now = (int) (microtime(true) * 1000);
        $until = static fn (?int $ms): ?int => $ms === null ? null : $now + $ms;
        $is_text = preg_match('//u', $stored['data']) === 1;
        return ['id' => $id]
            + ($is_text ? ['text' => $stored['data']] : ['base64' => base64_encode($stored['data'])])
            + ['expires_ms' => $until($stored['ttl_ms'])]
            + ($stored['state'] === null ? [] : ['state' => $stored['state'], 'state_expires_ms' => $until($stored['state_ttl_ms'])]);
    }

    /** @return resource */
    private static function created(string $file, bool $force)
    {
        if (file_exists($file) && !$force) {
            throw new Failure("$file exists: --force overwrites it, --resume goes on with it.");
        }
        $mask = umask(0177);
        if ($force && is_file($file)) {
            unlink($file);
        }
        $stream = @fopen($file, 'x');
        umask($mask);
        return $stream ?: throw new Failure("$file cannot be written.");
    }

    /**
     * A file whose export was stopped, cut after its last mark.
     *
     * @return array{resource, ?string, int} with the place to go on, or null if nothing is left to do
     */
    private static function reopened(string $file): array
    {
        $stream = @fopen($file, 'r+') ?: throw new Failure("$file cannot be opened.");
        $place = 0;
        $mark = null;
        while (($line = fgets($stream)) !== false) {
            if (!str_ends_with($line, "\n")) {
                break;
            }
            if (str_starts_with($line, '{"cursor"') || str_starts_with($line, '{"end"')) {
                $mark = json_decode($line, true);
                $place = ftell($stream);
            }
        }
        if ($mark === null) {
            throw new Failure("$file has no mark of a stopped export: begin again with --force.");
        }
        if (!isset($mark['end'])) {
            ftruncate($stream, (int) $place);
        }
        fseek($stream, 0, SEEK_END);
        return [$stream, $mark['cursor'] ?? null, (int) $mark['sessions']];
    }

    /**
     * @param resource $stream
     * @param array<string, mixed> $line
     */
    private static function write($stream, array $line): void
    {
        $text = json_encode($line, JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_THROW_ON_ERROR) . "\n";
        if (@fwrite($stream, $text) !== strlen($text)) {
            throw new Failure('The file cannot be written any further: is the disk full? --resume goes on.');
        }
    }
}
