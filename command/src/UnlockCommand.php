<?php

declare(strict_types=1);

namespace RustRedis\Command;

/** Takes the lock of a session away. */
final class UnlockCommand extends Command
{
    public static function description(): string
    {
        return 'takes the lock of a session from its holder, whose write is then refused';
    }

    public static function usage(): string
    {
        return 'ID';
    }

    public function run(Input $input, Output $output): int
    {
        self::needs('rustredis_lock', 'rustredis_unlock', 'rustredis_scan');
        $output->note(Configuration::line());
        $id = Sessions::find($output, $input->required(0, 'The id of a session'), 'locks');
        $lock = rustredis_lock($id);
        $done = rustredis_unlock($id);
        if ($output->json) {
            $output->data(['session' => Show::id($id), 'unlocked' => $done, 'lock' => $lock]);
        } elseif ($done) {
            $output->line('Session ' . Show::id($id) . ' was ' . Output::plain((string) ($lock['holder'] ?? 'locked'))
                . (($lock['waiters'] ?? 0) > 0 ? ', and the next request gets it' : ', and is free now') . ': a write of this holder will be refused.');
        } else {
            $output->line('Session ' . Show::id($id) . ' is not locked.');
        }
        return $done ? 0 : 1;
    }
}
