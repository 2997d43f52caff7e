<?php

declare(strict_types=1);

namespace RustRedis\Command;

/** Values in the form that people read. */
final class Show
{
    /** An id as the messages of the extension show it: a whole id is a credential. */
    public static function id(string $name): string
    {
        return str_starts_with($name, 'ASIDE:') ? $name : substr($name, 0, min(6, intdiv(strlen($name), 3))) . '...';
    }

    /**
     * Bytes for JSON, where only UTF-8 is a text.
     *
     * @return array<string, string>
     */
    public static function data(string $bytes, string $text = 'text', string $base64 = 'base64'): array
    {
        return preg_match('//u', $bytes) === 1 ? [$text => $bytes] : [$base64 => base64_encode($bytes)];
    }

    public static function time(?int $ms): string
    {
        return match (true) {
            $ms === null => 'for ever',
            $ms < 1000 => "$ms ms",
            $ms < 120_000 => sprintf('%.1f s', $ms / 1000),
            $ms < 7_200_000 => sprintf('%d min', round($ms / 60_000)),
            $ms < 172_800_000 => sprintf('%.1f h', $ms / 3_600_000),
            default => sprintf('%.1f days', $ms / 86_400_000),
        };
    }

    public static function bytes(int $bytes): string
    {
        return match (true) {
            $bytes < 10_000 => "$bytes B",
            $bytes < 1_000_000 => sprintf('%.1f KB', $bytes / 1e3),
            $bytes < 1_000_000_000 => sprintf('%.1f MB', $bytes / 1e6),
            default => sprintf('%.1f GB', $bytes / 1e9),
        };
    }

    public static function date(?int $ms): ?string
    {
        return $ms === null ? null : gmdate('Y-m-d H:i:s', intdiv($ms, 1000)) . ' UTC';
    }
}
