<?php
// The four things that a page of every application here does with its session, chosen by the query:
//
//   do=show      reads
//   do=count     adds one to `n`; with until=FILE, the page stays between read and write until the file is there
//   do=login     takes a new id, ends the old session, and remembers `user`
//   do=logout    ends the session
//
// The applications differ in how they do it, so each implements this interface with its own means.
declare(strict_types=1);

interface Visit
{
    public function get(string $name): mixed;

    public function set(string $name, mixed $value): void;

    /** Takes a new id, and ends the session of the old one. */
    public function login(): void;

    public function logout(): void;
}

/** Carries out what the query asks for. Returns the page's answer. */
function carry_out(Visit $visit): array
{
    switch ($_GET['do'] ?? 'show') {
        case 'count':
            $n = ($visit->get('n') ?? 0) + 1;
            if (isset($_GET['until'])) {
                touch($_GET['until'] . '.reached');
                for ($end = hrtime(true) + 60e9; !file_exists($_GET['until']); clearstatcache()) {
                    hrtime(true) < $end or throw new RuntimeException("nobody made {$_GET['until']}");
                    usleep(2000);
                }
            }
            $visit->set('n', $n);
            break;
        case 'login':
            $visit->login();
            $visit->set('user', $_GET['user']);
            break;
        case 'logout':
            $visit->logout();
            break;
    }
    return ['n' => $visit->get('n'), 'user' => $visit->get('user')];
}

/** $_SESSION, and PHP's own functions. */
class NativeVisit implements Visit
{
    public function get(string $name): mixed
    {
        return $_SESSION[$name] ?? null;
    }

    public function set(string $name, mixed $value): void
    {
        $_SESSION[$name] = $value;
    }

    public function login(): void
    {
        session_regenerate_id(true);
    }

    public function logout(): void
    {
        $_SESSION = [];
        session_destroy();
    }
}
