<?php

declare(strict_types=1);

namespace RustRedis\Command;

/** Ends sessions of a user. */
final class RevokeCommand extends Command
{
    public static function description(): string
    {
        return 'ends the sessions of a user, or one of them';
    }

    public static function usage(): string
    {
        return 'USER';
    }

    public static function options(): array
    {
        return ['handle' => ['HANDLE', 'only this session, as `rustredis user` names it']];
    }

    public function run(Input $input, Output $output): int
    {
        self::needs('rustredis_revoke');
        $output->note(Configuration::line());
        $ended = rustredis_revoke($input->required(0, 'The name of a user'), $input->option('handle'));
        if ($output->json) {
            $output->data(['ended' => $ended]);
        } else {
            $output->line($ended === 1 ? 'One session has ended.' : "$ended sessions have ended.");
        }
        // A name that was mistyped has no sessions, either.
        return $ended > 0 ? 0 : 1;
    }
}
