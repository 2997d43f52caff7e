<?php
// One PHP process of a benchmark. Each line of standard input is a job,
// `<what> <id> <size> <count> [<start>]`. The answer is one line of numbers: nanoseconds of PHP's
// monotonic clock.

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

/** Reads and writes a session `$count` times, and returns the time of each cycle. */
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

/** Like changed(), each time in a new fork, which has a connection of its own. */
function fresh(string $id, int $count): array
{
    $times = [];
    for ($i = 0; $i < $count; $i++) {
        $pair = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
        $pid = pcntl_fork();
        if ($pid === 0) {
            fwrite($pair[1], changed($id, 1)[0] . "\n");
            fclose($pair[1]);
            exit;
        }
        fclose($pair[1]);
        $times[] = (int) fgets($pair[0]);
        fclose($pair[0]);
        pcntl_waitpid($pid, $status);
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

/** A visitor without a session yet. */
function visit(): void
{
    session_id('');
    session_start() or exit("session_start() failed\n");
    $_SESSION['n'] = 1;
    session_write_close();
}

function visits(int $count): array
{
    for ($i = 0; $i < $count; $i++) {
        visit();
    }
    return [$count];
}

/**
 * Logs visitors in, each of whom has a session already: a new id, and with a `$limit` of 0 or more the
 * session on the list of a user, who gets five sessions before it is the next user's turn.
 */
function login(string $id, int $limit, int $count): array
{
    static $logins = 0;
    $times = [];
    for ($i = 0; $i < $count; $i++) {
        visit();
        $user = "$id-" . intdiv($logins++, 5);
        $begin = hrtime(true);
        session_start() or exit("session_start() failed\n");
        session_regenerate_id(true) or exit("session_regenerate_id() failed\n");
        $limit < 0 or rustredis_user($user, $limit) or exit("rustredis_user() failed\n");
        $_SESSION['user'] = $user;
        session_write_close() or exit("session_write_close() failed\n");
        $times[] = hrtime(true) - $begin;
    }
    return $times;
}

/**
 * Takes its turn `$count` times in a session that others want too, and works for `$hold` microseconds
 * in it. The numbers of each turn are the times of: asked, granted, work done, written. A turn that
 * never came has the single number 0.
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

/** Works on sessions `<id>0`, `<id>1` ... at random, and returns the time of each request. */
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

/** The data that a shop keeps of a visitor, of about `$size` bytes as JSON. */
function cart(int $size): array
{
    $items = [];
    do {
        $n = count($items);
        $items[] = ['sku' => sprintf('A-%05d', $n * 37), 'name' => "Café crème, $n g", 'quantity' => $n % 7 + 1,
            'price' => 12.5 + $n, 'gift' => $n % 3 === 0, 'options' => ['color' => 'green', 'note' => null]];
        $data = ['user' => ['id' => 4711, 'name' => 'Zoë', 'roles' => ['customer', 'editor']], 'csrf' => sha1('x'),
            'last_seen' => 1_750_000_000.25, 'cart' => ['currency' => 'EUR', 'items' => $items]];
    } while (strlen(json_encode($data)) < $size);
    return $data;
}

/** The time of each pair of session_encode() and session_decode(), or json_encode() and json_decode(). */
function codec(string $whose, int $size, int $count): array
{
    $data = cart($size);
    $times = [];
    session_id('codec');
    ini_set('session.use_strict_mode', 0);
    $whose === 'functions' or session_start() or exit("session_start() failed\n");
    for ($i = 0; $i < $count; $i++) {
        if ($whose === 'functions') {
            $begin = hrtime(true);
            $text = json_encode($data, JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_PRESERVE_ZERO_FRACTION);
            $copy = json_decode($text, true);
            $times[] = hrtime(true) - $begin;
        } else {
            $_SESSION = $data;
            $begin = hrtime(true);
            $text = session_encode();
            session_decode($text);
            $times[] = hrtime(true) - $begin;
            $copy = $_SESSION;
        }
    }
    $copy === $data or exit("what was decoded is not what was encoded\n");
    $whose === 'functions' or session_abort();
    return [...$times, strlen($text)];
}

while (($line = fgets(STDIN)) !== false) {
    [$what, $id, $size, $count, $begin] = [...explode(' ', trim($line)), 0, 0, 0, 0];
    $answer = match ($what) {
        'now' => [hrtime(true)],
        'seed' => seed($id, (int) $size),
        'changed' => changed($id, (int) $count),
        'fresh' => fresh($id, (int) $count),
        'read' => read($id, (int) $count),
        'visits' => visits((int) $count),
        'login' => login($id, (int) $size, (int) $count),
        'spread' => spread($id, (int) $size, (int) $count, (int) $begin),
        'codec' => codec($id, (int) $size, (int) $count),
        'contend' => contend($id, (int) $size, (int) $count, (int) $begin),
    };
    // fwrite() instead of echo, which would send the headers, so that no session could start any more.
    fwrite(STDOUT, implode(' ', $answer) . "\n");
}
