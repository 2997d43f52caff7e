<?php

declare(strict_types=1);

namespace RustRedis\Command;

/** A reason to end the command, in words for its user. */
final class Failure extends \RuntimeException
{
    /** The exit status of a command that was called in a wrong way. */
    public const USAGE = 2;

    public static function usage(string $text): self
    {
        return new self($text, self::USAGE);
    }
}
