<?php

declare(strict_types=1);

namespace RustRedis\Command;

/** The number of sessions. */
final class CountCommand extends Command
{
    public static function description(): string
    {
        return 'counts the sessions, the locks and the values that were set aside (scans all keys)';
    }

    public static function usage(): string
    {
        return '[KIND]';
    }

    public static function words(): array
    {
        return ['sessions', 'locks', 'asides'];
    }

    public function run(Input $input, Output $output): int
    {
        self::needs('rustredis_scan');
        $kinds = $input->argument(0) === null ? self::words() : [$input->argument(0)];
        if (array_diff($kinds, self::words()) !== []) {
            throw Failure::usage('The kind is one of ' . implode(', ', self::words()) . '.');
        }
        $output->note(Configuration::line());
        $counts = [];
        foreach ($kinds as $kind) {
            $counts[$kind] = 0;
            foreach (Sessions::all($output, $kind) as $name) {
                $counts[$kind]++;
            }
        }
        if ($output->json) {
            $output->data($counts);
            return 0;
        }
        foreach ($counts as $kind => $count) {
            $output->line(sprintf('%-9s %s', $kind, number_format($count)));
        }
        return 0;
    }
}
