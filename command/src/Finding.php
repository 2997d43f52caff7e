<?php

declare(strict_types=1);

namespace RustRedis\Command;

/** Something that should be changed, and how. */
final class Finding
{
    public const ERROR = 'error';
    public const WARNING = 'warning';
    /** Works, and could be better. */
    public const HINT = 'hint';

    public function __construct(
        public readonly string $level,
        /** A name that stays, for programs. */
        public readonly string $name,
        public readonly string $what,
        public readonly string $fix,
        public readonly ?string $server = null,
    ) {
    }

    /** @return array<string, ?string> */
    public function toArray(): array
    {
        return ['level' => $this->level, 'name' => $this->name, 'server' => $this->server, 'what' => $this->what, 'fix' => $this->fix];
    }
}
