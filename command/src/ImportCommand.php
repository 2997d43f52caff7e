<?php

declare(strict_types=1);

namespace RustRedis\Command;

/** Brings sessions from a file, from PHP's own files, or from keys with another prefix. */
final class ImportCommand extends Command
{
    /** The number of sessions between two marks of a file. */
    private const STEP = 500;

    private int $imported = 0;
    private int $kept = 0;
    private int $expired = 0;
    private int $bad = 0;
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
            'from' => ['PATH', 'instead of a file: the session.save_path of other sessions, such as tcp://old:6379?prefix=OLD:'],
            'from-prefix' => ['PREFIX', 'instead of a file: other keys of the same servers'],
            'replace' => [null, 'overwrite sessions that exist'],
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
        $output->note(Configuration::line());
        match (true) {
            $file === null => $this->fromKeys($input, $output),
            $file !== '-' && is_dir($file) => $this->fromFolder($file, $output),
            default => $this->fromFile($file, $input->has('resume'), $output),
        };
        $output->clearBar();
        if ($output->json) {
            $output->data(['imported' => $this->imported, 'kept' => $this->kept, 'expired' => $this->expired, 'bad' => $this->bad]);
        } else {
            $output->line(number_format($this->imported) . ' sessions were imported.');
            foreach (['existed and stayed as they are (--replace overwrites them)' => $this->kept, 'had expired' => $this->expired,
                'could not be read' => $this->bad] as $what => $count) {
                if ($count > 0) {
                    $output->line(number_format($count) . " $what.");
                }
            }
        }
        return $this->bad > 0 ? 1 : 0;
    }

    private function store(string $id, string $data, ?int $ttl, ?string $state = null, ?int $state_ttl = null): void
    {
        if (!preg_match('/^[A-Za-z0-9,-]{1,256}$/D', $id)) {
            $this->bad++;
        } elseif ($ttl !== null && $ttl < 1) {
            $this->expired++;
        } elseif (rustredis_store($id, $data, $ttl, $state, $state_ttl === null ? null : max(1, $state_ttl), $this->replace)) {
            $this->imported++;
        } else {
            $this->kept++;
        }
    }

    private function fromFile(string $file, bool $resume, Output $output): void
    {
        $stream = $file === '-' ? STDIN : (@fopen($file, 'r') ?: throw new Failure("$file cannot be read."));
        $size = $file === '-' ? null : (int) filesize($file);
        $marker = "$file.imported";
        if ($resume && $file !== '-' && is_file($marker)) {
            fseek($stream, (int) file_get_contents($marker));
        }
        for ($number = 1; ($line = fgets($stream)) !== false; $number++) {
            $this->line($line, $output);
            if ($number % self::STEP === 0 && $size !== null) {
                self::mark($marker, (int) ftell($stream));
                $output->progress((int) ftell($stream), $size);
            }
        }
        if ($size !== null && is_file($marker)) {
            unlink($marker);
        }
    }

    /** The place where a stopped import goes on: a mark is whole, or is the one before. */
    private static function mark(string $marker, int $place): void
    {
        $mask = umask(0177);
        $done = file_put_contents("$marker.new", (string) $place) !== false && rename("$marker.new", $marker);
        umask($mask);
        if (!$done) {
            throw new Failure("$marker cannot be written, from which --resume would go on.");
        }
    }

    private function line(string $line, Output $output): void
    {
        $session = json_decode($line, true);
        if (!is_array($session)) {
            $this->bad++;
            return;
        }
        if (isset($session['rustredis'])) {
            $ours = (string) ini_get('session.serialize_handler');
            if (($session['serialize_handler'] ?? $ours) !== $ours) {
                $output->note("These sessions were written with session.serialize_handler=$session[serialize_handler], and this PHP has $ours.");
            }
            return;
        }
        if (!isset($session['id'])) {
            if (!isset($session['cursor']) && !isset($session['end'])) {
                $this->bad++;
            }
            return;
        }
        $data = $session['text'] ?? base64_decode((string) ($session['base64'] ?? ''), true);
        if (!is_string($data) || !is_string($session['id'])) {
            $this->bad++;
            return;
        }
        $now = (int) (microtime(true) * 1000);
        $left = static fn (mixed $until): ?int => is_int($until) ? $until - $now : null;
        $this->store($session['id'], $data, $left($session['expires_ms'] ?? null), $session['state'] ?? null,
            $left($session['state_expires_ms'] ?? null));
    }

    /** PHP's files: sess_ID, also in folders of folders (session.save_path = "2;/folder"). */
    private function fromFolder(string $folder, Output $output): void
    {
        $lifetime = max(1, (int) ini_get('session.gc_maxlifetime'));
        $files = new \RecursiveIteratorIterator(
            new \RecursiveDirectoryIterator($folder, \FilesystemIterator::SKIP_DOTS),
            \RecursiveIteratorIterator::LEAVES_ONLY,
            \RecursiveIteratorIterator::CATCH_GET_CHILD,
        );
        $seen = 0;
        foreach ($files as $file) {
            if (!str_starts_with($file->getFilename(), 'sess_') || !$file->isFile()) {
                continue;
            }
            if (++$seen % self::STEP === 0) {
                $output->progress($seen, null);
            }
            $data = @file_get_contents($file->getPathname());
            if ($data === false) {
                $this->bad++;
                continue;
            }
            // PHP makes an empty file for a session that is not stored yet.
            if ($data !== '') {
                $left = ($file->getMTime() + $lifetime) * 1000 - (int) (microtime(true) * 1000);
                $this->store(substr($file->getFilename(), 5), $data, $left);
            }
        }
    }

    private function fromKeys(Input $input, Output $output): void
    {
        // A path that nobody has set must not be set to the folder that is built into PHP.
        $own = ['session.save_path' => Configuration::path() ?: Configuration::DEFAULT_PATH, 'rustredis.prefix' => (string) ini_get('rustredis.prefix')];
        $prefix = $input->option('from-prefix');
        $path = $input->option('from');
        if ($prefix !== null && str_contains($own['session.save_path'], 'prefix=')) {
            throw new Failure('session.save_path has a prefix of its own: give --from the whole path with the other prefix.');
        }
        $other = ($path === null ? [] : ['session.save_path' => $path]) + ($prefix === null ? [] : ['rustredis.prefix' => $prefix]) + $own;
        if ($other === $own || $other == $own) {
            throw Failure::usage('These are the sessions that are here already.');
        }
        $page = [];
        $cursor = null;
        $seen = 0;
        $total = null;
        do {
            self::turnTo($other);
            $found = rustredis_scan($cursor);
            $total ??= $found['total'];
            $cursor = $found['cursor'];
            $page = [];
            foreach ($found['names'] as $id) {
                $page[(string) $id] = rustredis_stored((string) $id);
            }
            self::turnTo($own);
            foreach (array_filter($page) as $id => $stored) {
                $this->store((string) $id, $stored['data'], $stored['ttl_ms'], $stored['state'], $stored['state_ttl_ms']);
            }
            $seen += 1000;
            $output->progress(min($seen, $total ?? $seen), $total);
        } while ($cursor !== null);
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
