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
        $head = array_keys($sessions[0]);
        $text = static fn (mixed $value): string => is_bool($value) ? ($value ? 'yes' : 'no')
            : (is_scalar($value) ? Output::plain((string) $value) : '');
        $output->table($head, array_map(static fn (array $session): array => array_map($text, array_values($session)), $sessions));
        return 0;
    }
}
