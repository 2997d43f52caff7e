<?php

declare(strict_types=1);

namespace RustRedis\Command;

use RustRedis\SessionHandler;

/** One session. */
final class ShowCommand extends Command
{
    public static function description(): string
    {
        return 'shows a session: its size, lifetimes, user and lock, and its content with --data';
    }

    public static function usage(): string
    {
        return 'ID';
    }

    public static function options(): array
    {
        return ['data' => [null, 'the content, too, as it is stored (it may hold secrets)']];
    }

    public function run(Input $input, Output $output): int
    {
        self::needs('rustredis_stored', 'rustredis_lock', 'rustredis_scan');
        $output->note(Configuration::line());
        $id = Sessions::find($output, $input->required(0, 'The id of a session'));
        $stored = rustredis_stored($id);
        if ($stored === null) {
            throw new Failure('There is no session ' . Show::id($id) . '.'
                . (preg_match('/^[0-9a-f]{16}$/D', $id) ? ' A handle of `rustredis user` is no id.' : ''));
        }
        $data = $input->has('data') || $output->json ? (new SessionHandler())->peek($id) : null;
        $state = Sessions::state($stored['state']);
        $lock = rustredis_lock($id);
        if ($output->json) {
            $output->data([
                'session' => Show::id($id), 'stored_bytes' => strlen($stored['data']), 'bytes' => strlen((string) $data),
                'ttl_ms' => $stored['ttl_ms'], 'state' => $state, 'lock' => $lock,
            ] + ($input->has('data') ? Show::data((string) $data) : []));
            return 0;
        }
        $rows = [
            'session' => Show::id($id),
            'stored' => Show::bytes(strlen($stored['data'])),
            'expires in' => $stored['ttl_ms'] === null ? 'never' : Show::time($stored['ttl_ms']),
            'created' => Show::date($state['created'] ?? null),
            'logged in' => Show::date($state['authenticated'] ?? null),
            'ends at' => Show::date($state['end'] ?? null),
            'user (digest)' => $state['user'] ?? null,
            'label' => $state['label'] ?? null,
        ];
        foreach (array_filter($rows, static fn (?string $value): bool => $value !== null) as $name => $value) {
            $output->line(sprintf('%-13s %s', $name, Output::plain((string) $value)));
        }
        LockCommand::show($output, $id, $lock);
        if ($data !== null) {
            $output->line();
            $output->content($data . "\n");
        }
        return 0;
    }
}
