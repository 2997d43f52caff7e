<?php
// What the pages of the demo share. Each page does its work under the session's lock, closes the session, and
// only then draws: a slow browser never keeps another request of the same user waiting.

declare(strict_types=1);

const PREFIX = 'PHPREDIS_SESSION:';

function machine(): string
{
    return (string) getenv('DEMO_MACHINE');
}

function other_machine(): string
{
    return machine() === 'A' ? 'B' : 'A';
}

function other_url(): string
{
    return trim((string) file_get_contents(getenv('DEMO_DIR') . '/url-' . other_machine()));
}

/** Who is logged in, or null. The session must be started. */
function user(): ?string
{
    return $_SESSION['user'] ?? null;
}

function redirect(string $to): never
{
    session_write_close(); // before the answer: who follows it finds what this request wrote
    header("Location: $to", true, 303);
    exit;
}

/** Pages that change something are for forms, not for links. */
function only_post(): void
{
    if ($_SERVER['REQUEST_METHOD'] !== 'POST') {
        redirect('/');
    }
}

/**
 * The session as Redis has it, asked for on a connection of its own: what another language would read.
 *
 * @return array{value: ?string, ttl: int}
 */
function stored(string $id): array
{
    $redis = fsockopen('127.0.0.1', (int) getenv('DEMO_REDIS_PORT'), timeout: 2);
    $key = PREFIX . $id;
    fwrite($redis, "TTL $key\r\nGET $key\r\n");
    $ttl = (int) substr((string) fgets($redis), 1);
    $length = (int) substr((string) fgets($redis), 1);
    $value = $length < 0 ? null : ($length === 0 ? '' : stream_get_contents($redis, $length));
    fclose($redis);
    return ['value' => $value, 'ttl' => $ttl];
}

function e(string $text): string
{
    return htmlspecialchars($text);
}
