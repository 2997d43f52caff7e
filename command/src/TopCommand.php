<?php

declare(strict_types=1);

namespace RustRedis\Command;

/** The locks as they are now, again and again. */
final class TopCommand extends Command
{
    /** The pages that one look scans at most: 20,000 keys. A larger server takes several looks. */
    private const PAGES = 20;
    private const ROWS = 15;

    private ?string $cursor = null;
    /** The locks that the last looks have found. @var array<string, true> */
    private array $known = [];

    public static function description(): string
    {
        return 'shows the locks that are held and who waits for them, again and again (Ctrl-C ends it)';
    }

    public static function options(): array
    {
        return ['interval' => ['SECONDS', 'the time between two looks (2)'], 'once' => [null, 'one look at all locks']];
    }

    public function run(Input $input, Output $output): int
    {
        self::needs('rustredis_scan', 'rustredis_lock');
        $interval = $input->number('interval', 2);
        $once = $input->has('once') || $output->json;
        $locks = null;
        do {
            try {
                $locks = $this->look($once);
            } catch (\RustRedis\SessionException $failure) {
                if ($once || $locks === null) {
                    throw $failure;
                }
                // A failover, for example: the next look asks the servers anew.
                $this->cursor = null;
                $output->note($failure->getMessage());
                continue;
            }
            if ($output->json) {
                $status = rustredis_status();
                $output->data(['locks' => $locks, 'slow_locks' => $status['slow_locks'], 'needless_locks' => $status['needless_locks'],
                    'unknown' => self::unseen()]);
                return 0;
            }
            if (!$once && stream_isatty(STDOUT)) {
                $output->clearScreen();
            }
            self::show($output, $locks);
        } while (!$once && sleep($interval) !== false);
        return 0;
    }

    /** @return list<array<string, mixed>> */
    private function look(bool $whole): array
    {
        for ($pages = 0; $whole || $pages < self::PAGES; $pages++) {
            $page = rustredis_scan($this->cursor, 'locks');
            foreach ($page['names'] as $id) {
                $this->known[(string) $id] = true;
            }
            $this->cursor = $page['cursor'];
            if ($this->cursor === null) {
                break;
            }
        }
        $locks = [];
        foreach (array_keys($this->known) as $id) {
            try {
                $lock = rustredis_lock((string) $id);
            } catch (\RustRedis\RefusedException $failure) {
                // Another program keeps something else there.
                $lock = str_contains($failure->getMessage(), 'WRONGTYPE') ? null : throw $failure;
            }
            if ($lock === null) {
                unset($this->known[$id]);
            } else {
                $locks[] = ['session' => Show::id((string) $id)] + $lock;
            }
        }
        usort($locks, static fn (array $a, array $b): int => [$b['waiters'], $b['held_ms']] <=> [$a['waiters'], $a['held_ms']]);
        return $locks;
    }

    /** The time of a lock, with its day if that was another one: a metrics file outlives the processes. */
    private static function at(int $ms): string
    {
        $seconds = intdiv($ms, 1000);
        return gmdate(gmdate('Ymd', $seconds) === gmdate('Ymd') ? 'H:i:s' : 'Y-m-d H:i:s', $seconds);
    }

    /** The reason why the slow locks of the workers cannot be shown, or null. */
    private static function unseen(): ?string
    {
        if ((string) ini_get('rustredis.metrics_file') === '') {
            return 'rustredis.metrics_file is not set in ' . (php_ini_loaded_file() ?: 'a php.ini') . '.';
        }
        try {
            rustredis_metrics();
            return null;
        } catch (\RustRedis\SessionException $failure) {
            return (string) preg_replace('/^rustredis: /', '', $failure->getMessage());
        }
    }

    /** @param list<array<string, mixed>> $locks */
    private static function show(Output $output, array $locks): void
    {
        $waiters = array_sum(array_column($locks, 'waiters'));
        $output->line(gmdate('H:i:s') . ' UTC  ' . Configuration::line());
        $output->line('locked: ' . count($locks) . ", waiting: $waiters");
        $output->line();
        $text = static fn (mixed $value): string => $value === null ? '' : Output::plain((string) $value);
        $rows = [];
        foreach (array_slice($locks, 0, self::ROWS) as $lock) {
            $rows[] = [$lock['session'], (string) $lock['waiters'], $lock['held_ms'] === null ? '?' : Show::time($lock['held_ms']),
                Show::time($lock['ttl_ms']), $text($lock['host']), $text($lock['pid']), $text($lock['sapi']), $text($lock['uri'])];
        }
        $output->table(['session', 'waiting', 'held for', 'lease', 'host', 'pid', 'sapi', 'page'], $rows);
        if (count($locks) > self::ROWS) {
            $output->line('and ' . (count($locks) - self::ROWS) . ' more');
        }
        $unseen = self::unseen();
        if ($unseen !== null) {
            $output->line();
            $output->line($output->style('dim', 'Slow locks are not known: ') . Output::plain($unseen));
        }
        ['slow_locks' => $slow, 'needless_locks' => $needless] = rustredis_status();
        if ($slow !== []) {
            $output->line();
            $output->line($output->style('bold', 'Slow locks'));
            $rows = [];
            foreach (array_reverse(array_slice($slow, -5)) as $lock) {
                $rows[] = [self::at($lock['at_ms']), $lock['session'], Show::time((int) $lock['waited_ms']),
                    $lock['given_up'] ? 'in vain' : Show::time((int) $lock['held_ms']), $lock['kept_waiting'] ? 'yes' : '',
                    $lock['changed'] ? 'yes' : '', $text($lock['by'])];
            }
            $output->table(['at', 'session', 'waited', 'held for', 'others waited', 'changed', 'by'], $rows);
        }
        if ($needless !== []) {
            $output->line();
            $output->line($output->style('bold', 'Pages that changed nothing and kept others waiting: use read_and_close'));
            $rows = [];
            foreach (array_slice($needless, 0, 5) as $page) {
                $rows[] = [$text($page['script']), (string) $page['times'], Show::time((int) $page['held_ms']), Show::time((int) $page['longest_ms'])];
            }
            $output->table(['page', 'times', 'held for', 'longest'], $rows);
        }
    }
}
