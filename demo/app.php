<?php
// The parts that the pages of the demo share. Each page works under the session's lock, closes the
// session, and only then draws, so that a slow browser never blocks another request of its user.

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

/** The address of a machine: A and B are PHP, Python is the Flask service. */
function url(string $machine): string
{
    return trim((string) file_get_contents(getenv('DEMO_DIR') . "/url-$machine"));
}

/** The name of the user who is logged in, or null. The session must be started. */
function user(): ?string
{
    return $_SESSION['user'] ?? null;
}

/** The visitor's browser in a word or two, for the list of devices. */
function browser(): string
{
    $agent = $_SERVER['HTTP_USER_AGENT'] ?? '';
    foreach (['Edg' => 'Edge', 'Firefox' => 'Firefox', 'Chrome' => 'Chrome', 'Safari' => 'Safari', 'curl' => 'curl'] as $mark => $name) {
        if (str_contains($agent, $mark)) {
            return $name;
        }
    }
    return 'A browser';
}

/** A time in the past, for people. */
function ago(int $time): string
{
    $seconds = max(0, time() - $time);
    return match (true) {
        $seconds < 5 => 'just now',
        $seconds < 60 => "$seconds s ago",
        default => intdiv($seconds, 60) . ' min ago',
    };
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

/**
 * The Python service's view of the session, asked for with the visitor's cookie. This request's
 * session must be closed, because Python waits for its lock.
 *
 * @return array<string, mixed>
 */
function python_sees(string $id): array
{
    $context = stream_context_create(['http' => ['header' => "Cookie: PHPSESSID=$id", 'timeout' => 5]]);
    return json_decode((string) file_get_contents(url('Python') . '/', false, $context), true) ?? [];
}

/** JSON text over several lines, each token as it stands, marked up. */
function laid_out(string $json): string
{
    preg_match_all('/"(?:[^"\\\\]|\\\\.)*"|[-+.\w]+|[\[\]{},:]/', $json, $tokens);
    $tokens = $tokens[0];
    $text = '';
    $depth = 0;
    foreach ($tokens as $i => $token) {
        $next = $tokens[$i + 1] ?? '';
        $newline = fn (int $depth): string => "\n" . str_repeat('  ', $depth);
        $text .= match (true) {
            $token === '{', $token === '[' => $token . (in_array($next, ['}', ']'], true) ? '' : $newline(++$depth)),
            $token === '}', $token === ']' => (in_array($tokens[$i - 1], ['{', '['], true) ? '' : $newline(--$depth)) . $token,
            $token === ',' => $token . $newline($depth),
            $token === ':' => ': ',
            $next === ':' => '<i class="name">' . e($token) . '</i>',
            default => '<i class="' . ($token[0] === '"' ? 'text' : 'number') . '">' . e($token) . '</i>',
        };
    }
    return $text;
}

function e(string $text): string
{
    return htmlspecialchars($text);
}
