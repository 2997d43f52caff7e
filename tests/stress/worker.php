<?php
// One worker of the stress run: request after request, each of which counts in one of a few sessions.
// The worker writes a log of its own, one line for each step, so that the run can be judged afterwards:
//
//     <ns> start                        a new process; the one before was killed
//     <ns> plan <number>                the increment that is to be accepted next
//     <ns> peek <session>               reads without the lock ...
//     <ns> seen <n> <by>                ... and found this
//     <ns> wait <session> <tag>         asks for the session; the tag is this request's own
//     <ns> got <n> <by> <ns delayed>    has it: the counter, its writer, and the wait for a CPU
//     <ns> write <n>                    is about to save
//     <ns> ok | refused <why> | unknown <why> | left | failed <why> | absent
//     <ns> end
//
// The times are of the system's monotonic clock. The first line of input describes the worker, as JSON.

$worker = json_decode(fgets(STDIN), false, 8, JSON_THROW_ON_ERROR);
mt_srand($worker->seed);
$log = fopen($worker->log, 'a');
$warnings = [];
set_error_handler(function (int $level, string $message) use (&$warnings): bool {
    $warnings[] = strtr($message, "\r\n", '  ');
    return true;
});

function note(string|int ...$words): void
{
    global $log;
    fwrite($log, hrtime(true) . ' ' . implode(' ', $words) . "\n");
}

/** The time that this process was ready to run while another one had the CPU, in nanoseconds. */
function delayed(): int
{
    return (int) (explode(' ', @file_get_contents('/proc/self/schedstat') ?: '0 0')[1] ?? 0);
}

function pause(int $most): void
{
    usleep(mt_rand(0, $most));
}

/** Most requests are short, some let their lease be renewed, and a few outlive it. */
function work(): void
{
    $kind = mt_rand(0, 999);
    match (true) {
        $kind < 3 => usleep(1_300_000),
        $kind < 15 => usleep(mt_rand(300_000, 500_000)),
        $kind < 500 => pause(4_000),
        default => pause(16_000),
    };
}

function peek(string $id): void
{
    note('peek', $id);
    session_id($id);
    if (session_start(['read_and_close' => true])) {
        note('seen', $_SESSION['n'] ?? 0, $_SESSION['by'] ?? '-');
    }
}

/** One request. Returns true if its increment was accepted. */
function visit(string $id, string $tag): bool
{
    global $warnings;
    $delayed = delayed();
    note('wait', $id, $tag);
    $warnings = [];
    session_id($id);
    if (!session_start()) {
        note('failed', implode(' / ', $warnings));
        pause(50_000);
        return false;
    }
    $at = hrtime(true);
    if (session_id() !== $id) {
        note('absent', $id);
        session_abort();
        return false;
    }
    ['n' => $n, 'by' => $by] = $_SESSION;
    global $log;
    fwrite($log, "$at got $n $by " . (delayed() - $delayed) . "\n");
    work();
    if (mt_rand(0, 19) === 0) {
        session_abort();
        note('left');
        return false;
    }
    $_SESSION = ['n' => $n + 1, 'by' => $tag];
    note('write', $n + 1);
    $warnings = [];
    session_write_close();
    $why = implode(' / ', $warnings);
    if ($warnings === []) {
        note('ok');
    } elseif (str_contains($why, 'lost its lock')) {
        note('refused', $why);
    } else {
        note('unknown', $why);
    }
    return $warnings === [];
}

// A process that was killed left its plan in the log. The plan is carried out, even if the machine is so
// busy that the time is over before the next process has started.
$before = file_get_contents($worker->log);
$done = preg_match_all('/^\d+ ok$/m', $before);
$planned = preg_match_all('/^\d+ plan (\d+)$/m', $before, $plans) ? end($plans[1]) + 1 : 0;
$visits = 0;
note('start');
while (hrtime(true) < $worker->until || $done < $planned) {
    note('plan', $done);
    do {
        // Some sessions are more popular than others.
        $id = 's' . min(mt_rand(0, $worker->sessions - 1), mt_rand(0, $worker->sessions - 1));
        if (mt_rand(0, 19) === 0) {
            peek($id);
        }
        $accepted = visit($id, "$worker->number.$worker->life." . $visits++);
        pause(8_000);
    } while (!$accepted);
    $done++;
}
note('end');
