<?php

declare(strict_types=1);

namespace RustRedis\Command;

/** The servers, and the configuration that leads to them. */
final class StatusCommand extends Command
{
    public static function description(): string
    {
        return 'the servers of the sessions, and the configuration that leads to them';
    }

    public function run(Input $input, Output $output): int
    {
        self::needs('rustredis_server');
        $servers = [];
        $prefix = null;
        foreach (rustredis_server() as $server) {
            $prefix = $server['prefix'];
            $info = $server['info'] ?? [];
            $latency = $server['latency_us'];
            sort($latency);
            $number = static fn (string $name): ?int => isset($info[$name]) ? (int) $info[$name] : null;
            $servers[] = [
                'server' => $server['node'],
                'error' => $server['error'],
                'version' => $info['valkey_version'] ?? $info['redis_version'] ?? null,
                'role' => $info['role'] ?? null,
                'replicas' => $number('connected_slaves'),
                'clients' => $number('connected_clients'),
                'blocked' => $number('blocked_clients'),
                'used_memory' => $number('used_memory'),
                'maxmemory' => $number('maxmemory'),
                'uptime_s' => $number('uptime_in_seconds'),
                'latency_us' => $latency[intdiv(count($latency), 2)] ?? null,
            ];
        }
        $failed = array_filter($servers, static fn (array $server): bool => $server['error'] !== null);
        if ($output->json) {
            $status = rustredis_status();
            $output->data(['configuration' => Configuration::describe($prefix), 'version' => $status['version'], 'servers' => $servers,
                'advice' => $status['advice']]);
            return $failed === [] ? 0 : 1;
        }
        $configuration = Configuration::describe($prefix);
        $output->line("phpsess_rs " . phpversion('phpsess_rs') . " in PHP $configuration[php] ($configuration[sapi])");
        $output->line('php.ini                ' . ($configuration['ini'] ?? 'none'));
        $output->line("session.save_handler   $configuration[save_handler]");
        $output->line('session.save_path      ' . ($configuration['save_path'] ?: '(not set)'));
        $output->line('prefix                 ' . Output::plain((string) $prefix));
        $output->line();
        $text = static fn (int|string|null $value): string => $value === null ? '?' : Output::plain((string) $value);
        $rows = [];
        foreach ($servers as $server) {
            if ($server['error'] === null) {
                $memory = $server['used_memory'] === null ? '?' : Show::bytes($server['used_memory'])
                    . ($server['maxmemory'] ? ' of ' . Show::bytes($server['maxmemory']) : '');
                $latency = $server['latency_us'] === null ? '?' : sprintf('%.2f ms', $server['latency_us'] / 1000);
                $uptime = $server['uptime_s'] === null ? '?' : Show::time($server['uptime_s'] * 1000);
                $rows[] = [$text($server['server']), $text($server['version']), $text($server['role']), $text($server['replicas']),
                    $text($server['clients']), $text($server['blocked']), $memory, $uptime, $latency];
            }
        }
        if ($rows !== []) {
            $output->table(['server', 'version', 'role', 'replicas', 'clients', 'waiting', 'memory', 'up for', 'latency'], $rows);
        }
        foreach ($failed as $server) {
            $output->line($output->style('red', Output::plain("$server[server]: $server[error]")));
        }
        foreach (rustredis_status()['advice'] as $advice) {
            $output->line($output->style('yellow', 'Advice: ') . Output::plain($advice));
        }
        return $failed === [] ? 0 : 1;
    }
}
