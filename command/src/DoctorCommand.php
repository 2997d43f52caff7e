<?php

declare(strict_types=1);

namespace RustRedis\Command;

/** Looks for what should be changed. */
final class DoctorCommand extends Command
{
    public static function description(): string
    {
        return 'looks for what should be changed in PHP, in Redis and between them, and names each fix';
    }

    public static function options(): array
    {
        return [
            'workers' => ['N', "the workers of this PHP, for the limits of locks and connections (that of --pool)"],
            'servers' => ['N', 'the servers with so many workers (1)'],
            'project' => ['FOLDER', 'the folder of an application, for the packages in it'],
        ];
    }

    public function run(Input $input, Output $output): int
    {
        $workers = $input->option('workers') === null ? Configuration::workers() : $input->number('workers', 1);
        $servers = $input->number('servers', 1);
        $findings = $unknown = [];
        $prefix = null;
        if (!extension_loaded('phpsess_rs')) {
            $findings[] = new Finding(Finding::ERROR, 'extension', 'The extension phpsess_rs is not loaded in this PHP.',
                'Write extension=phpsess_rs.so into ' . (php_ini_loaded_file() ?: 'php.ini') . ', or name another php.ini with --ini.');
        } else {
            self::needs('rustredis_server');
            [$findings, $unknown, $prefix] = self::servers($workers === null ? null : $workers * $servers);
            array_unshift($findings, ...(new PhpChecks($workers, $input->option('project'), $prefix))->run());
            array_push($findings, ...PhpChecks::advice());
        }
        $order = [Finding::ERROR => 0, Finding::WARNING => 1, Finding::HINT => 2];
        usort($findings, static fn (Finding $a, Finding $b): int => $order[$a->level] <=> $order[$b->level]);
        $levels = array_map(static fn (Finding $finding): string => $finding->level, $findings);
        $status = match (true) {
            in_array(Finding::ERROR, $levels, true) => 2,
            in_array(Finding::WARNING, $levels, true) => 1,
            default => 0,
        };
        if ($output->json) {
            $output->data([
                'configuration' => Configuration::describe($prefix),
                'status' => $status,
                'findings' => array_map(static fn (Finding $finding): array => $finding->toArray(), $findings),
                'unknown' => $unknown,
            ]);
            return $status;
        }
        $output->line(Configuration::line());
        foreach ($findings as $finding) {
            self::show($output, $finding);
        }
        foreach ($unknown as $server => $texts) {
            foreach ($texts as $text) {
                $output->line();
                $output->line($output->style('dim', "not known: $text") . "\n    at " . Output::plain((string) $server));
            }
        }
        $output->line();
        $counts = array_count_values($levels);
        $output->line(match ($status) {
            0 => $unknown === [] ? $output->style('green', 'Nothing needs to be changed.')
                : 'Nothing that could be seen needs to be changed.',
            default => $output->style($status === 2 ? 'red' : 'yellow', implode(', ', array_filter([
                self::counted($counts[Finding::ERROR] ?? 0, 'error'), self::counted($counts[Finding::WARNING] ?? 0, 'warning'),
            ])) . '.'),
        });
        return $status;
    }

    /** @return array{list<Finding>, array<string, list<string>>, ?string} with the prefix in use, if it is known */
    private static function servers(?int $workers): array
    {
        $findings = $unknown = [];
        try {
            $reports = rustredis_server();
        } catch (\RustRedis\SessionException $failure) {
            $is_settings = get_class($failure) === \RustRedis\SessionException::class;
            $text = Output::plain((string) preg_replace('/^rustredis: /', '', $failure->getMessage()));
            return [[new Finding(Finding::ERROR, $is_settings ? 'save-path' : 'unreachable', $text,
                $is_settings ? 'Mend session.save_path or the setting that the text names; README.md has their forms.'
                    : 'Check that Redis runs, and the addresses, the user and the password in php.ini.')], [], null];
        }
        foreach ($reports as $report) {
            $checks = new ServerChecks($report, $workers);
            array_push($findings, ...$checks->run());
            if ($checks->unknown() !== []) {
                $unknown[$report['node']] = $checks->unknown();
            }
        }
        foreach (rustredis_status()['clusters'] as $cluster) {
            if ($cluster['slots'] > 0 && $cluster['slots'] < 16384) {
                $findings[] = new Finding(Finding::ERROR, 'slots', (16384 - $cluster['slots']) . ' of 16384 hash slots have no server: their sessions are away.',
                    'redis-cli --cluster check HOST:PORT, then redis-cli --cluster fix HOST:PORT.', $cluster['target']);
            }
        }
        return [$findings, $unknown, $reports[0]['prefix'] ?? null];
    }

    private static function show(Output $output, Finding $finding): void
    {
        $colour = [Finding::ERROR => 'red', Finding::WARNING => 'yellow', Finding::HINT => 'dim'][$finding->level];
        $output->line();
        $output->line($output->style($colour, $finding->level . ':') . ' ' . Output::plain($finding->what));
        if ($finding->server !== null) {
            $output->line('    at ' . Output::plain($finding->server));
        }
        $output->line('    fix: ' . Output::plain($finding->fix));
    }

    private static function counted(int $count, string $what): ?string
    {
        return match ($count) {
            0 => null,
            1 => "1 $what",
            default => "$count {$what}s",
        };
    }
}
