<?php

declare(strict_types=1);

namespace RustRedis\Command;

/** The values that PHP could not decode. */
final class AsideCommand extends Command
{
    public static function description(): string
    {
        return 'lists, shows and restores the values that were set aside, because PHP could not decode them';
    }

    public static function usage(): string
    {
        return '[list | show NAME | restore NAME ID]';
    }

    public static function arguments(): int
    {
        return 3;
    }

    public static function words(): array
    {
        return ['list', 'show', 'restore'];
    }

    public static function options(): array
    {
        return [
            'data' => [null, 'show: the value as it is stored'],
            'replace' => [null, 'restore: over a session that exists'],
        ];
    }

    public function run(Input $input, Output $output): int
    {
        self::needs('rustredis_scan', 'rustredis_stored', 'rustredis_store', 'rustredis_forget');
        $output->note(Configuration::line());
        return match ($input->argument(0) ?? 'list') {
            'list' => $this->list($output),
            'show' => $this->show($input, $output),
            'restore' => $this->restore($input, $output),
            default => throw Failure::usage('The word is one of ' . implode(', ', self::words()) . '.'),
        };
    }

    private function list(Output $output): int
    {
        $found = [];
        foreach (Sessions::all($output, 'asides') as $name) {
            $stored = Sessions::stored($name);
            if (is_array($stored)) {
                $found[$name] = ['name' => $name, 'bytes' => strlen($stored['data']), 'ttl_ms' => $stored['ttl_ms']];
            }
        }
        if ($output->json) {
            $output->data(array_values($found));
        } elseif ($found === []) {
            $output->line('Nothing was set aside.');
        } else {
            $row = static fn (array $aside): array => [$aside['name'], Show::bytes($aside['bytes']), Show::time($aside['ttl_ms'])];
            $output->table(['name', 'size', 'deleted in'], array_map($row, array_values($found)));
        }
        return 0;
    }

    /** @return array{string, array{data: string, ttl_ms: ?int}} */
    private static function taken(Input $input): array
    {
        $name = $input->required(1, 'The name (`rustredis aside list` has it)');
        // The warning that named it has the whole key.
        if (preg_match('/ASIDE:[0-9a-f]{32}$/D', $name, $found)) {
            $name = $found[0];
        }
        if (!str_starts_with($name, 'ASIDE:')) {
            throw Failure::usage('The name begins with ASIDE:, as `rustredis aside list` has it.');
        }
        return [$name, rustredis_stored($name) ?? throw new Failure("There is no $name (any more): it is kept for a day.")];
    }

    private function show(Input $input, Output $output): int
    {
        [$name, $stored] = self::taken($input);
        if ($output->json) {
            $output->data(['name' => $name, 'bytes' => strlen($stored['data']), 'ttl_ms' => $stored['ttl_ms']]
                + ($input->has('data') ? Show::data($stored['data']) : []));
            return 0;
        }
        if ($input->has('data')) {
            $output->content($stored['data']);
            return 0;
        }
        $output->line("$name: " . Show::bytes(strlen($stored['data'])) . ', deleted in ' . Show::time($stored['ttl_ms']) . '.');
        $output->line('It begins with ' . json_encode(Output::plain(substr($stored['data'], 0, 60)), JSON_UNESCAPED_SLASHES) . '.');
        return 0;
    }

    private function restore(Input $input, Output $output): int
    {
        [$name, $stored] = self::taken($input);
        $id = $input->required(2, 'The id of the session');
        $id = $id === '-' ? Input::line('The id of the session') : $id;
        $is_stored = rustredis_store($id, $stored['data'], Sessions::lifetime() * 1000, replace: $input->has('replace'), keep_state: true);
        if (!$is_stored) {
            throw new Failure(rustredis_stored($id) === null
                ? 'Session ' . Show::id($id) . ' has ended, for example by a logout: --replace brings it back all the same.'
                : 'There is a session ' . Show::id($id) . ': --replace overwrites it.');
        }
        rustredis_forget($name);
        if ($output->json) {
            $output->data(['session' => Show::id($id), 'restored' => $name]);
        } else {
            $output->line("$name is session " . Show::id($id) . ' again.');
        }
        return 0;
    }
}
