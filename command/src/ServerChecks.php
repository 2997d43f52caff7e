<?php

declare(strict_types=1);

namespace RustRedis\Command;

/** Checks the report of a server about itself. */
final class ServerChecks
{
    /** The latency in microseconds above which it is worth a word: a page pays for it twice. */
    private const SLOW = 5000;
    /** The bytes that connections take and give back at any time. */
    private const ROOM = 1_000_000;

    /** @var list<Finding> */
    private array $findings = [];
    /** @var list<string> what the user may not ask */
    private array $unknown = [];
    /** @var array<string, string> */
    private array $info;
    /** @var array<string, string> */
    private array $config;

    /**
     * @param array<string, mixed> $report one of rustredis_server()
     * @param ?int $workers the workers of all servers, if they are known
     */
    public function __construct(private array $report, private ?int $workers)
    {
        $this->info = $report['info'] ?? [];
        $this->config = $report['config'] ?? [];
    }

    /** @return list<Finding> */
    public function run(): array
    {
        if ($this->report['error'] !== null) {
            $this->unreachable();
            return $this->findings;
        }
        $this->rights();
        $this->version();
        $this->access();
        $this->role();
        $this->memory();
        $this->persistence();
        $this->replicas();
        $this->clients();
        $this->latency();
        return $this->findings;
    }

    /** @return list<string> */
    public function unknown(): array
    {
        return $this->unknown;
    }

    private function add(string $level, string $name, string $what, string $fix): void
    {
        $this->findings[] = new Finding($level, $name, $what, $fix, $this->report['node']);
    }

    /** A setting of the server, which INFO may have under another name. */
    private function value(string $setting, ?string $field = null): ?string
    {
        return $this->config[$setting] ?? ($field === null ? null : $this->info[$field] ?? null);
    }

    private function field(string $name): ?int
    {
        return isset($this->info[$name]) ? (int) $this->info[$name] : null;
    }

    private function unreachable(): void
    {
        $error = Output::plain((string) $this->report['error']);
        if ($this->report['cluster']) {
            $this->add(Finding::ERROR, 'cluster-node', "This node of the Cluster does not answer PHP: $error",
                'If the other nodes miss it too (redis-cli --cluster check HOST:PORT), start it, or CLUSTER FAILOVER on its replica. If they reach it, set '
                . 'cluster-announce-ip, cluster-announce-port and, behind names, cluster-announce-hostname of this node to an address that PHP can reach.');
            return;
        }
        $this->add(Finding::ERROR, 'unreachable', $error,
            'Check that Redis runs, and the address, the user and the password in php.ini (session.save_path, rustredis.username, rustredis.password).');
    }

    private function rights(): void
    {
        $user = $this->report['user'];
        if ($this->report['keys_refused']) {
            $prefix = (string) preg_replace('/[*?[\\\\]/', '\\\\$0', $this->report['prefix']);
            // A prefix with a hash tag of its own is that of all keys.
            $is_wrapped = $this->report['cluster'] && !preg_match('/^[^{]*\{[^}]+\}/', $prefix);
            $more = $is_wrapped ? " ~{{$prefix}*" : '';
            $this->add(Finding::ERROR, 'acl-keys', "The Redis user $user may not use the keys of the sessions.",
                "ACL SETUSER $user ~$prefix*$more");
        }
        if ($this->report['absent'] !== []) {
            $this->add(Finding::ERROR, 'commands', 'The server has no ' . implode(', ', $this->report['absent']) . ': rename-command, a proxy or an old version.',
                'Take the lines rename-command out of redis.conf, or the proxy out of the way; a user is kept from commands by an ACL rule.');
        }
        if ($this->report['refused'] !== []) {
            $this->add(Finding::ERROR, 'acl-commands', "The Redis user $user lacks rights: " . implode(', ', $this->report['refused']) . '.',
                "ACL SETUSER $user +" . implode(' +', $this->report['refused']));
        }
        if ($this->report['missed'] !== [] && $this->report['refused'] === []) {
            $this->add(Finding::HINT, 'acl-transactions', "The Redis user $user lacks " . implode(', ', $this->report['missed'])
                . ': a script writes instead of a transaction, which costs Redis more.', "ACL SETUSER $user +" . implode(' +', $this->report['missed']));
        }
        if ($this->report['info'] === null) {
            $this->unknown[] = 'version, memory, persistence, replicas (needs: ' . $this->needs('info', 'info') . ')';
        }
        if ($this->report['config'] === null) {
            $this->unknown[] = "Redis' settings (needs: " . $this->needs('config', 'config|get') . ')';
        }
    }

    /** The remedy for a question that was refused. */
    private function needs(string $command, string $right): string
    {
        return in_array($command, $this->report['unanswered'], true) ? 'a server or a proxy that knows ' . strtoupper($command)
            : "ACL SETUSER {$this->report['user']} +$right";
    }

    private function version(): void
    {
        $version = $this->info['redis_version'] ?? null;
        if ($version !== null && version_compare($version, '6.0', '<')) {
            $this->add(Finding::ERROR, 'version', "Redis is $version.", 'Install Redis 6.0 or newer, or Valkey.');
        }
        if (($this->info['cluster_enabled'] ?? '0') === '1' && !$this->report['cluster']) {
            $this->add(Finding::ERROR, 'cluster', 'This server is a node of a Redis Cluster, and session.save_path treats it as a single server.',
                'Write session.save_path=cluster://host:port,host:port.');
        }
        if (($this->info['loading'] ?? '0') === '1') {
            $this->add(Finding::ERROR, 'loading', 'Redis is still loading its data, and answers nothing else.', 'Wait; see loading_eta_seconds in INFO.');
        }
    }

    private function access(): void
    {
        $is_open = $this->value('protected-mode') === 'no' && $this->report['user'] === 'default' && (string) ini_get('rustredis.password') === ''
            && !Configuration::hasPassword(Configuration::path());
        $bind = preg_split('/\s+/', trim((string) $this->value('bind')), -1, PREG_SPLIT_NO_EMPTY) ?: ['*'];
        $beyond = array_filter($bind, static fn (string $address): bool => preg_match('/^-?(?:127\.|::1$)/', $address) !== 1);
        if ($is_open && $beyond !== []) {
            $this->add(Finding::WARNING, 'access', 'Redis listens beyond this machine (protected-mode no), and asks for no password: all who reach its port have all sessions.',
                'Give the default user a password (requirepass) or an ACL rule, and write it into rustredis.password; or CONFIG SET protected-mode yes.');
        }
    }

    private function role(): void
    {
        if (($this->info['role'] ?? 'master') !== 'master') {
            $this->add(Finding::ERROR, 'replica', 'This server is a replica, and takes no writes.',
                'Point session.save_path at the primary, or let sentinels name it: sentinel://host:26379/name.');
        }
    }

    private function memory(): void
    {
        $limit = (int) ($this->value('maxmemory', 'maxmemory') ?? 0);
        $policy = $this->value('maxmemory-policy', 'maxmemory_policy') ?? 'noeviction';
        if ($limit > 0 && $policy !== 'noeviction') {
            $what = match (true) {
                $policy === 'volatile-ttl' => 'maxmemory-policy is volatile-ttl: a full Redis evicts locks first, as they have the shortest time to live, and writes are then refused.',
                default => "maxmemory-policy is $policy: a full Redis throws sessions and locks away, and logs users out without a word.",
            };
            $this->add($policy === 'volatile-ttl' ? Finding::ERROR : Finding::WARNING, 'maxmemory-policy', $what,
                'CONFIG SET maxmemory-policy noeviction, in a Redis for sessions alone, and watch its memory.');
        }
        $used = $this->field('used_memory');
        if ($limit > 0 && $used !== null && $used > $limit * 0.9) {
            // The buffers of replicas and of the append-only file do not count.
            $counted = $used - ($this->field('mem_not_counted_for_evict') ?? 0);
            $is_full = match (true) {
                $policy === 'noeviction' => $counted > $limit - min($limit / 100, self::ROOM),
                // Redis has tried to evict before it answered, and has found nothing.
                default => str_starts_with($policy, 'volatile-') && $counted > $limit,
            };
            $this->add($is_full ? Finding::ERROR : Finding::WARNING, 'memory', 'Redis uses ' . Show::bytes($used) . ' of ' . Show::bytes($limit)
                . ' (maxmemory)' . ($is_full ? ': it refuses writes (OOM), or will with the next ones.' : '.'),
                'CONFIG SET maxmemory to more, set rustredis.compression=zstd, or let sessions live for less (session.gc_maxlifetime, rustredis.first_lifetime).');
        }
        if ($this->field('evicted_keys') > 0) {
            $this->add(Finding::WARNING, 'evicted', 'Redis has evicted ' . $this->field('evicted_keys') . ' keys since it started: each may have been a session.',
                'CONFIG SET maxmemory to more. CONFIG RESETSTAT sets the count back.');
        }
    }

    private function persistence(): void
    {
        $appends = $this->value('appendonly') ?? (isset($this->info['aof_enabled']) ? ($this->info['aof_enabled'] === '1' ? 'yes' : 'no') : null);
        $saves = $this->value('save');
        if ($appends === 'no' && $saves === '' && $this->field('connected_slaves') === 0) {
            $this->add(Finding::WARNING, 'persistence', 'Redis stores nothing on its disk, and has no replica: a restart logs everybody out.',
                'CONFIG SET appendonly yes and CONFIG REWRITE, or give it a replica.');
        }
        foreach (['rdb_last_bgsave_status' => 'its snapshot', 'aof_last_write_status' => 'its append-only file', 'aof_last_bgrewrite_status' => 'its new append-only file'] as $field => $file) {
            if (($this->info[$field] ?? 'ok') !== 'ok') {
                $this->add(Finding::ERROR, 'disk', "Redis could not write $file: it refuses writes (MISCONF), or soon will.",
                    'See its log, and make room or set the rights in its folder (CONFIG GET dir).');
            }
        }
    }

    private function replicas(): void
    {
        $replicas = $this->field('connected_slaves');
        // Redis does not count those that lag.
        $good = $this->field('min_slaves_good_slaves') ?? $replicas;
        $least = (int) ($this->value('min-replicas-to-write') ?? 0);
        if ($replicas === null) {
            return;
        }
        if ($least > $good) {
            $lag = $good < $replicas ? ' within min-replicas-max-lag' : '';
            $this->add(Finding::ERROR, 'min-replicas', "min-replicas-to-write is $least, and $good follow$lag: Redis refuses writes (NOREPLICAS).",
                ($lag === '' ? 'Start the replicas' : 'See why the replicas lag (INFO replication)') . ", or CONFIG SET min-replicas-to-write $good.");
        } elseif ($least > 0 && $replicas === 1) {
            $this->add(Finding::WARNING, 'min-replicas', 'min-replicas-to-write is set, and there is one replica: the loss of either server stops all writes.',
                'Add a second replica, or CONFIG SET min-replicas-to-write 0.');
        } elseif ($least === 0 && $replicas >= 2 && isset($this->config['min-replicas-to-write'])) {
            $this->add(Finding::WARNING, 'min-replicas', "$replicas replicas follow, and min-replicas-to-write is 0: a primary that is cut off takes writes that the failover then drops.",
                'CONFIG SET min-replicas-to-write 1 and CONFIG SET min-replicas-max-lag 10.');
        }
    }

    private function clients(): void
    {
        $most = $this->value('maxclients', 'maxclients');
        $now = $this->field('connected_clients');
        $size = max(1, (int) ini_get('rustredis.pool_size'));
        if ($most !== null && $this->workers !== null && $this->workers * $size > (int) $most * 0.9) {
            $this->add(Finding::ERROR, 'maxclients', "maxclients is $most, and $this->workers workers with $size connections each can need more.",
                'CONFIG SET maxclients ' . max(10_000, 2 * $this->workers * $size) . ' (and the limit of open files of Redis), or fewer workers.');
        } elseif ($most !== null && $now !== null && $now > (int) $most * 0.8) {
            $this->add(Finding::WARNING, 'maxclients', "$now of $most connections are in use (maxclients).",
                'CONFIG SET maxclients to more (and the limit of open files of Redis), or run fewer workers.');
        }
        if ($this->field('rejected_connections') > 0) {
            $this->add(Finding::WARNING, 'rejected', 'Redis has refused ' . $this->field('rejected_connections') . ' connections since it started, because it had maxclients of them.',
                'CONFIG SET maxclients to more. CONFIG RESETSTAT sets the count back.');
        }
        $timeout = (int) ($this->value('timeout') ?? 0);
        if ($timeout > 0 && $timeout < 300) {
            $this->add(Finding::WARNING, 'idle-timeout', "timeout is $timeout: Redis closes connections that were idle for so long, and each has to be made again.",
                'CONFIG SET timeout 0. PHP closes its connections itself after 220 s.');
        }
        if ($this->value('tcp-keepalive') === '0') {
            $this->add(Finding::WARNING, 'tcp-keepalive', 'tcp-keepalive is 0: connections of machines that are gone stay, and count against maxclients.',
                'CONFIG SET tcp-keepalive 300, which is the default.');
        }
    }

    private function latency(): void
    {
        // Others than the fastest tell of a busy machine rather than of the way to Redis.
        $least = min($this->report['latency_us'] ?: [0]);
        if ($least > self::SLOW) {
            $this->add(Finding::WARNING, 'latency', sprintf('An answer takes %.1f ms: a page with a session takes twice that for it.', $least / 1000),
                'Put Redis nearer to PHP, look at SLOWLOG GET there, or hide the trips by rustredis.prefetch=1 and rustredis.write_ack=deferred.');
        }
    }
}
