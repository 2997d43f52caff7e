<?php

declare(strict_types=1);

namespace RustRedis\Command;

/** The sessions of a user. */
final class UserCommand extends Command
{
    public static function description(): string
    {
        return 'lists the sessions of a user';
    }

    public static function usage(): string
    {
        return 'USER';
    }

    public function run(Input $input, Output $output): int
    {
        self::needs('rustredis_user_sessions');
        $output->note(Configuration::line());
        $sessions = rustredis_user_sessions($input->required(0, 'The name of a user'));
        if ($output->json) {
            $output->data($sessions);
            return 0;
        }
        if ($sessions === []) {
            $output->line('This user has no session.');
            return 0;
        }
        $date = static fn (?int $seconds): string => Show::date($seconds === null ? null : $seconds * 1000) ?? '?';
        $row = static fn (array $session): array => [$session['handle'], $date($session['created']), $date($session['authenticated']),
            $date($session['last_used']), $date($session['expires']), Output::plain($session['label'])];
        $output->table(['handle', 'created', 'logged in', 'last used', 'expires', 'label'], array_map($row, $sessions));
        return 0;
    }
}
