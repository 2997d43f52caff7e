<?php

declare(strict_types=1);

namespace RustRedis\Command;

/** The request that has a session. */
final class LockCommand extends Command
{
    public static function description(): string
    {
        return 'tells which request has the lock of a session, and how many wait';
    }

    public static function usage(): string
    {
        return 'ID';
    }

    public function run(Input $input, Output $output): int
    {
        self::needs('rustredis_lock', 'rustredis_scan', 'rustredis_stored');
        $output->note(Configuration::line());
        $id = Sessions::find($output, $input->required(0, 'The id of a session'), 'locks');
        $lock = rustredis_lock($id);
        // A handle, or an id with a slip in it, is no session that is free.
        if ($lock === null && Sessions::stored($id) === null) {
            throw new Failure('There is no session ' . Show::id($id) . ', and no lock of it.'
                . (preg_match('/^[0-9a-f]{16}$/D', $id) ? ' A handle of `rustredis user` is no id.' : ''));
        }
        if ($output->json) {
            $output->data(['session' => Show::id($id), 'lock' => $lock]);
            return 0;
        }
        self::show($output, $id, $lock);
        return 0;
    }

    /** @param ?array<string, mixed> $lock */
    public static function show(Output $output, string $id, ?array $lock): void
    {
        if ($lock === null) {
            $output->line('Session ' . Show::id($id) . ' is not locked.');
            return;
        }
        $output->line('Session ' . Show::id($id) . ' is ' . Output::plain($lock['holder']) . '.');
        $output->line($lock['ttl_ms'] === null ? 'The lock has no end: phpredis has taken it, or nobody renews it.'
            : 'The lease ends in ' . Show::time($lock['ttl_ms']) . ' unless its holder renews it.');
        $output->line(match ($lock['waiters']) {
            0 => 'No request waits for it.',
            1 => 'One request waits for it.',
            default => "$lock[waiters] requests wait for it.",
        });
    }
}
