<?php
// One PHP process of a benchmark. Each line of standard input is a job, `<what> <id> <size> <count> [<start>]`;
// the answer is one line of numbers: nanoseconds of PHP's monotonic clock.

function start(string $id, array $options = []): void
{
    session_id($id);
    session_start($options) or exit("session_start() failed\n");
}

/** A session of about `$size` bytes, counter included. */
function seed(string $id, int $size): array
{
    ini_set('session.use_strict_mode', 0);
    start($id);
    $_SESSION = ['n' => 10_000_000, 'text' => substr(str_repeat(hash('sha256', 'text'), intdiv($size, 64) + 1), 0, $size - 40)];
    session_write_close();
    ini_set('session.use_strict_mode', 1);
    return [strlen(session_id())];
}

/** Reads and writes a session `$count` times: how long each took. */
function changed(string $id, int $count): array
{
    $times = [];
    for ($i = 0; $i < $count; $i++) {
        $begin = hrtime(true);
        start($id);
        $_SESSION['n']++;
        session_write_close() or exit("session_write_close() failed\n");
        $times[] = hrtime(true) - $begin;
    }
    return $times;
}

function read(string $id, int $count): array
{
    $times = [];
    for ($i = 0; $i < $count; $i++) {
        $begin = hrtime(true);
        start($id, ['read_and_close' => true]);
        $times[] = hrtime(true) - $begin;
    }
    return $times;
}

/**
 * Takes its turn `$count` times in a session that others want too, and works for `$hold` microseconds in it.
 * For each turn: asked, granted, work done, written. A turn that never came has one number instead of four: 0.
 */
function contend(string $id, int $hold, int $count, int $start): array
{
    while (hrtime(true) < $start) {
        usleep(50);
    }
    $times = [];
    for ($i = 0; $i < $count; $i++) {
        $asked = hrtime(true);
        session_id($id);
        if (!@session_start()) {
            $times[] = 0;
            continue;
        }
        $granted = hrtime(true);
        $_SESSION['n']++;
        while (hrtime(true) - $granted < $hold * 1000) {
        }
        $done = hrtime(true);
        session_write_close();
        array_push($times, $asked, $granted, $done, hrtime(true));
    }
    return $times;
}

/** Works on sessions `<id>0`, `<id>1` ... at random for as long as it takes: how long each request took. */
function spread(string $id, int $sessions, int $count, int $start): array
{
    while (hrtime(true) < $start) {
        usleep(50);
    }
    $times = [];
    for ($i = 0; $i < $count; $i++) {
        array_push($times, ...changed($id . random_int(0, $sessions - 1), 1));
    }
    return [...$times, hrtime(true)];
}

while (($line = fgets(STDIN)) !== false) {
    [$what, $id, $size, $count, $begin] = [...explode(' ', trim($line)), 0, 0, 0, 0];
    $answer = match ($what) {
        'now' => [hrtime(true)],
        'seed' => seed($id, (int) $size),
        'changed' => changed($id, (int) $count),
        'read' => read($id, (int) $count),
        'spread' => spread($id, (int) $size, (int) $count, (int) $begin),
        'contend' => contend($id, (int) $size, (int) $count, (int) $begin),
    };
    // Not by echo: that would send the headers, and sessions could not start any more.
    fwrite(STDOUT, implode(' ', $answer) . "\n");
}
