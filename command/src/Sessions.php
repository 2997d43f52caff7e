<?php

declare(strict_types=1);

namespace RustRedis\Command;

/** The sessions of all servers. */
final class Sessions
{
    /** The number of keys that a page of a scan looks at. */
    private const PAGE = 1000;

    /**
     * All names of a kind, each once, with a bar on the terminal.
     *
     * @param ?string $cursor where an earlier scan has stopped
     * @param ?callable(?string): void $turned called after each page with the place of the next one
     * @param array<int, true> $known the digests of names that are left out; those that are found join them
     * @return \Generator<int, string>
     */
    public static function all(Output $output, string $kind, ?string $cursor = null, ?callable $turned = null, array &$known = []): \Generator
    {
        $seen = 0;
        $total = null;
        do {
            $page = rustredis_scan($cursor, $kind);
            $total ??= $page['total'];
            foreach ($page['names'] as $name) {
                // Redis names a key again while its tables grow, and the scan of a server that was restarted begins anew.
                $digest = self::digest((string) $name);
                if (!isset($known[$digest])) {
                    $known[$digest] = true;
                    yield (string) $name;
                }
            }
            $cursor = $page['cursor'];
            if ($turned !== null) {
                $turned($cursor);
            }
            $seen += self::PAGE;
            $output->progress(min($seen, $total ?? $seen), $total);
        } while ($cursor !== null);
        $output->clearBar();
    }

    /** A number for a name: millions of names would take much memory. */
    public static function digest(string $name): int
    {
        return ((array) unpack('q', hash('xxh3', $name, true)))[1];
    }

    /**
     * A session as it is stored, null if there is none, or false if another program keeps something else under its key.
     *
     * @return array{data: string, ttl_ms: ?int, state: ?string, state_ttl_ms: ?int}|false|null
     */
    public static function stored(string $id): array|false|null
    {
        try {
            return rustredis_stored($id);
        } catch (\RustRedis\RefusedException $failure) {
            return str_contains($failure->getMessage(), 'WRONGTYPE') ? false : throw $failure;
        }
    }

    /** The seconds for which a session lives: those of the extension, also where the setting is none. */
    public static function lifetime(): int
    {
        $lifetime = (int) ini_get('session.gc_maxlifetime');
        return $lifetime < 1 ? 1440 : min($lifetime, 2_147_483_647);
    }

    /**
     * The whole id for what a user has typed: an id, `-` for one on standard input, or the beginning of one with dots behind it, as the messages of the
     * extension have it. Only the latter scans.
     */
    public static function find(Output $output, string $typed, string $kind = 'sessions'): string
    {
        if ($typed === '-') {
            $typed = Input::line('The id of a session');
        }
        if (!preg_match('/^([A-Za-z0-9,-]+)(?:\.\.\.|…)$/u', $typed, $found)) {
            if (!preg_match('/^[A-Za-z0-9,-]{1,256}$/', $typed)) {
                throw Failure::usage('A session id has only letters, digits, "," and "-".');
            }
            return $typed;
        }
        $names = [];
        foreach (self::all($output, $kind) as $name) {
            if (str_starts_with($name, $found[1])) {
                $names[$name] = true;
            }
        }
        return match (count($names)) {
            0 => throw new Failure('No session begins with ' . substr($found[1], 0, 6) . ($kind === 'locks' ? ' and is locked.' : '.')),
            1 => (string) array_key_first($names),
            default => throw new Failure(count($names) . ' sessions begin with ' . substr($found[1], 0, 6) . ': name more of the id.'),
        };
    }

    /**
     * The fields of a session's state, times in milliseconds since 1970. The user is the digest that names the list of
     * their sessions.
     *
     * @return array{created: ?int, authenticated: ?int, idle: ?int, end: ?int, user: ?string, label: ?string}|null
     */
    public static function state(?string $text): ?array
    {
        $fields = explode('|', (string) $text, 9);
        if ($fields[0] !== 'live' || count($fields) < 9) {
            return null;
        }
        $number = static fn (string $field): ?int => $field === '' ? null : (int) $field;
        $word = static fn (string $field): ?string => $field === '' ? null : $field;
        [, $created, $authenticated, $idle, $end, , , $user, $label] = $fields;
        return [
            'created' => $number($created), 'authenticated' => $number($authenticated), 'idle' => $number($idle),
            'end' => $number($end), 'user' => $word($user), 'label' => $word($label),
        ];
    }
}
