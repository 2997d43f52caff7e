--TEST--
behind handler classes that forget to close, or destroy a new session without a word, a session keeps its user, its lifetimes and the name of its copy over session_regenerate_id(), and its end is an end
--FILE--
<?php
require __DIR__ . '/user.inc';

class Plain extends SessionHandler
{
}

class ForgetsClose extends SessionHandler
{
    public function close(): bool
    {
        return true;
    }
}

class OpensOnce extends ForgetsClose
{
    private bool $is_open = false;

    public function open(string $path, string $name): bool
    {
        [$was_open, $this->is_open] = [$this->is_open, true];
        return $was_open || parent::open($path, $name);
    }
}

class OpensTwice extends SessionHandler
{
    public function open(string $path, string $name): bool
    {
        return parent::open($path, $name) && parent::open($path, $name);
    }
}

class ReadsAfterDestroy extends SessionHandler
{
    public function destroy(string $id): bool
    {
        $done = parent::destroy($id);
        parent::read($id);
        return $done;
    }
}

/** Symfony's StrictSessionHandler. */
class Strict implements SessionHandlerInterface, SessionUpdateTimestampHandlerInterface
{
    private ?string $fetched = null;
    private ?string $new = null;

    public function __construct(private SessionHandlerInterface $inner)
    {
    }

    public function open(string $path, string $name): bool
    {
        return $this->inner->open($path, $name);
    }

    public function validateId(string $id): bool
    {
        return ($this->fetched = $this->read($id)) !== '';
    }

    public function read(string $id): string
    {
        [$data, $this->fetched] = [$this->fetched ?? $this->inner->read($id), null];
        $this->new = $data === '' ? $id : null;
        return $data;
    }

    public function write(string $id, string $data): bool
    {
        $this->new = null;
        return $this->inner->write($id, $data);
    }

    public function updateTimestamp(string $id, string $data): bool
    {
        return $this->write($id, $data);
    }

    public function destroy(string $id): bool
    {
        return $this->new === $id || $this->inner->destroy($id);
    }

    public function close(): bool
    {
        return $this->inner->close();
    }

    public function gc(int $max): int|false
    {
        return $this->inner->gc($max);
    }
}

$classes = [
    'plain' => fn () => new Plain(),
    'forgets close' => fn () => new ForgetsClose(),
    'opens once' => fn () => new OpensOnce(),
    'opens twice' => fn () => new OpensTwice(),
    'reads after destroy' => fn () => new ReadsAfterDestroy(),
    'strict' => fn () => new Strict(new SessionHandler()),
    'strict around an object' => fn () => new Strict(new RustRedis\SessionHandler()),
    'object' => fn () => new RustRedis\SessionHandler(),
];
$created = (int) (microtime(true) * 1000) - 600_000;
$end = $created + 1_000_000;
$copy = fn (string $id) => redis()->exists(side_key($id, 'OLD'));

/** What is kept of a session: its creation, its end, whether it has this user, and the id of its copy. */
function known(string $user, string $id): array
{
    $state = explode('|', (string) redis()->get(side_key($id, 'STATE')));
    return [(int) ($state[1] ?? 0), (int) ($state[4] ?? 0), substr(strrchr(':' . ($state[6] ?? ''), ':'), 1), ($state[7] ?? '') === list_name($user)];
}

foreach ($classes as $class => $make) {
    $has_users = !str_contains($class, 'object');
    foreach (['1', '0'] as $locking) {
        foreach ([true, false] as $delete) {
            ini_set('rustredis.locking', $locking);
            ini_set('session.use_strict_mode', '1');
            // As in a request: one class here opens its parent once.
            $begin = function (string $id) use ($make): void {
                session_set_save_handler($make(), false);
                start($id);
            };
            $name = "$class, locking=$locking, regenerate_id(" . json_encode($delete) . ')';
            $stored = function (string $user) use ($created, $end): string {
                store_session($id = new_id(), ['n' => 1]);
                $state = "live|$created||1000|$end|" . now() . '||' . list_name($user) . '|';
                redis()->set(side_key($id, 'STATE'), $state, 'EX', 1000);
                return $id;
            };

            $old = $stored($user = new_user());
            $begin($old);
            $_SESSION['n'] = 2;
            session_regenerate_id($delete);
            $first = session_id();
            session_write_close();
            same("$name: it has all", [$created, $end, $old, true], known($user, $first));
            if ($has_users) {
                same('and is on the list', [$first], array_keys(on_list($user)));
            }
            $begin($first);
            session_destroy();
            same('its end is that of the copy', [null, 0], [redis()->get(data_key($first)), $copy($old)]);

            $old = $stored($user = new_user());
            $begin($old);
            session_regenerate_id($delete);
            $unsaved = session_id();
            session_regenerate_id($delete);
            $last = session_id();
            $_SESSION['n'] = 2;
            session_write_close();
            // A session that was never stored leaves nothing behind.
            same('twice: it has all', [$created, $end, $old, true], known($user, $last));
            same('but what it was stored under', [false, false], [lives($old), lives($unsaved)]);
            $begin($last);
            session_destroy();
            same('and its end is an end', [false, 0, 0], [lives($last), $copy($old), $copy($unsaved)]);
            same('nobody is on the list', [], on_list($user));

            $old = $stored($user = new_user());
            $begin($old);
            session_regenerate_id($delete);
            $new = session_id();
            session_destroy();
            same('destroyed at once: nothing is left', [false, 0, [], false], [lives($new), $copy($old), on_list($user), is_locked($new)]);

            if ($has_users) {
                $user = new_user();
                $begin('');
                $_SESSION['n'] = 1;
                rustredis_user($user);
                rustredis_session_lifetime(500, 600);
                [$facts, $before] = [rustredis_session(), session_id()];
                session_regenerate_id($delete);
                $now = rustredis_session();
                same('a new session has its user and its lifetimes', [$facts['user'], $facts['ends']], [$now['user'], $now['ends']]);
                session_write_close();
                same('and its place on the list', [session_id()], array_keys(on_list($user)));
                same('so that it can be ended', [1, false], [rustredis_revoke($user), lives(session_id())]);
            }
        }
    }
}

// This class answers session_reset() of a new session by itself, and PHP makes another id.
session_set_save_handler(new Strict(new SessionHandler()), false);
session_id('');
session_start();
$first = session_id();
session_reset();
ok('PHP has another id', session_id() !== $first);
ok('and its session gets no user', str_contains(thrown(fn () => rustredis_user($user)), 'no session is open that will be saved'));
same('nothing is on the list', [], on_list($user));
session_abort();
--EXPECT--
ok: plain, locking=1, regenerate_id(true): it has all
ok: and is on the list
ok: its end is that of the copy
ok: twice: it has all
ok: but what it was stored under
ok: and its end is an end
ok: nobody is on the list
ok: destroyed at once: nothing is left
ok: a new session has its user and its lifetimes
ok: and its place on the list
ok: so that it can be ended
ok: plain, locking=1, regenerate_id(false): it has all
ok: and is on the list
ok: its end is that of the copy
ok: twice: it has all
ok: but what it was stored under
ok: and its end is an end
ok: nobody is on the list
ok: destroyed at once: nothing is left
ok: a new session has its user and its lifetimes
ok: and its place on the list
ok: so that it can be ended
ok: plain, locking=0, regenerate_id(true): it has all
ok: and is on the list
ok: its end is that of the copy
ok: twice: it has all
ok: but what it was stored under
ok: and its end is an end
ok: nobody is on the list
ok: destroyed at once: nothing is left
ok: a new session has its user and its lifetimes
ok: and its place on the list
ok: so that it can be ended
ok: plain, locking=0, regenerate_id(false): it has all
ok: and is on the list
ok: its end is that of the copy
ok: twice: it has all
ok: but what it was stored under
ok: and its end is an end
ok: nobody is on the list
ok: destroyed at once: nothing is left
ok: a new session has its user and its lifetimes
ok: and its place on the list
ok: so that it can be ended
ok: forgets close, locking=1, regenerate_id(true): it has all
ok: and is on the list
ok: its end is that of the copy
ok: twice: it has all
ok: but what it was stored under
ok: and its end is an end
ok: nobody is on the list
ok: destroyed at once: nothing is left
ok: a new session has its user and its lifetimes
ok: and its place on the list
ok: so that it can be ended
ok: forgets close, locking=1, regenerate_id(false): it has all
ok: and is on the list
ok: its end is that of the copy
ok: twice: it has all
ok: but what it was stored under
ok: and its end is an end
ok: nobody is on the list
ok: destroyed at once: nothing is left
ok: a new session has its user and its lifetimes
ok: and its place on the list
ok: so that it can be ended
ok: forgets close, locking=0, regenerate_id(true): it has all
ok: and is on the list
ok: its end is that of the copy
ok: twice: it has all
ok: but what it was stored under
ok: and its end is an end
ok: nobody is on the list
ok: destroyed at once: nothing is left
ok: a new session has its user and its lifetimes
ok: and its place on the list
ok: so that it can be ended
ok: forgets close, locking=0, regenerate_id(false): it has all
ok: and is on the list
ok: its end is that of the copy
ok: twice: it has all
ok: but what it was stored under
ok: and its end is an end
ok: nobody is on the list
ok: destroyed at once: nothing is left
ok: a new session has its user and its lifetimes
ok: and its place on the list
ok: so that it can be ended
ok: opens once, locking=1, regenerate_id(true): it has all
ok: and is on the list
ok: its end is that of the copy
ok: twice: it has all
ok: but what it was stored under
ok: and its end is an end
ok: nobody is on the list
ok: destroyed at once: nothing is left
ok: a new session has its user and its lifetimes
ok: and its place on the list
ok: so that it can be ended
ok: opens once, locking=1, regenerate_id(false): it has all
ok: and is on the list
ok: its end is that of the copy
ok: twice: it has all
ok: but what it was stored under
ok: and its end is an end
ok: nobody is on the list
ok: destroyed at once: nothing is left
ok: a new session has its user and its lifetimes
ok: and its place on the list
ok: so that it can be ended
ok: opens once, locking=0, regenerate_id(true): it has all
ok: and is on the list
ok: its end is that of the copy
ok: twice: it has all
ok: but what it was stored under
ok: and its end is an end
ok: nobody is on the list
ok: destroyed at once: nothing is left
ok: a new session has its user and its lifetimes
ok: and its place on the list
ok: so that it can be ended
ok: opens once, locking=0, regenerate_id(false): it has all
ok: and is on the list
ok: its end is that of the copy
ok: twice: it has all
ok: but what it was stored under
ok: and its end is an end
ok: nobody is on the list
ok: destroyed at once: nothing is left
ok: a new session has its user and its lifetimes
ok: and its place on the list
ok: so that it can be ended
ok: opens twice, locking=1, regenerate_id(true): it has all
ok: and is on the list
ok: its end is that of the copy
ok: twice: it has all
ok: but what it was stored under
ok: and its end is an end
ok: nobody is on the list
ok: destroyed at once: nothing is left
ok: a new session has its user and its lifetimes
ok: and its place on the list
ok: so that it can be ended
ok: opens twice, locking=1, regenerate_id(false): it has all
ok: and is on the list
ok: its end is that of the copy
ok: twice: it has all
ok: but what it was stored under
ok: and its end is an end
ok: nobody is on the list
ok: destroyed at once: nothing is left
ok: a new session has its user and its lifetimes
ok: and its place on the list
ok: so that it can be ended
ok: opens twice, locking=0, regenerate_id(true): it has all
ok: and is on the list
ok: its end is that of the copy
ok: twice: it has all
ok: but what it was stored under
ok: and its end is an end
ok: nobody is on the list
ok: destroyed at once: nothing is left
ok: a new session has its user and its lifetimes
ok: and its place on the list
ok: so that it can be ended
ok: opens twice, locking=0, regenerate_id(false): it has all
ok: and is on the list
ok: its end is that of the copy
ok: twice: it has all
ok: but what it was stored under
ok: and its end is an end
ok: nobody is on the list
ok: destroyed at once: nothing is left
ok: a new session has its user and its lifetimes
ok: and its place on the list
ok: so that it can be ended
ok: reads after destroy, locking=1, regenerate_id(true): it has all
ok: and is on the list
ok: its end is that of the copy
ok: twice: it has all
ok: but what it was stored under
ok: and its end is an end
ok: nobody is on the list
ok: destroyed at once: nothing is left
ok: a new session has its user and its lifetimes
ok: and its place on the list
ok: so that it can be ended
ok: reads after destroy, locking=1, regenerate_id(false): it has all
ok: and is on the list
ok: its end is that of the copy
ok: twice: it has all
ok: but what it was stored under
ok: and its end is an end
ok: nobody is on the list
ok: destroyed at once: nothing is left
ok: a new session has its user and its lifetimes
ok: and its place on the list
ok: so that it can be ended
ok: reads after destroy, locking=0, regenerate_id(true): it has all
ok: and is on the list
ok: its end is that of the copy
ok: twice: it has all
ok: but what it was stored under
ok: and its end is an end
ok: nobody is on the list
ok: destroyed at once: nothing is left
ok: a new session has its user and its lifetimes
ok: and its place on the list
ok: so that it can be ended
ok: reads after destroy, locking=0, regenerate_id(false): it has all
ok: and is on the list
ok: its end is that of the copy
ok: twice: it has all
ok: but what it was stored under
ok: and its end is an end
ok: nobody is on the list
ok: destroyed at once: nothing is left
ok: a new session has its user and its lifetimes
ok: and its place on the list
ok: so that it can be ended
ok: strict, locking=1, regenerate_id(true): it has all
ok: and is on the list
ok: its end is that of the copy
ok: twice: it has all
ok: but what it was stored under
ok: and its end is an end
ok: nobody is on the list
ok: destroyed at once: nothing is left
ok: a new session has its user and its lifetimes
ok: and its place on the list
ok: so that it can be ended
ok: strict, locking=1, regenerate_id(false): it has all
ok: and is on the list
ok: its end is that of the copy
ok: twice: it has all
ok: but what it was stored under
ok: and its end is an end
ok: nobody is on the list
ok: destroyed at once: nothing is left
ok: a new session has its user and its lifetimes
ok: and its place on the list
ok: so that it can be ended
ok: strict, locking=0, regenerate_id(true): it has all
ok: and is on the list
ok: its end is that of the copy
ok: twice: it has all
ok: but what it was stored under
ok: and its end is an end
ok: nobody is on the list
ok: destroyed at once: nothing is left
ok: a new session has its user and its lifetimes
ok: and its place on the list
ok: so that it can be ended
ok: strict, locking=0, regenerate_id(false): it has all
ok: and is on the list
ok: its end is that of the copy
ok: twice: it has all
ok: but what it was stored under
ok: and its end is an end
ok: nobody is on the list
ok: destroyed at once: nothing is left
ok: a new session has its user and its lifetimes
ok: and its place on the list
ok: so that it can be ended
ok: strict around an object, locking=1, regenerate_id(true): it has all
ok: its end is that of the copy
ok: twice: it has all
ok: but what it was stored under
ok: and its end is an end
ok: nobody is on the list
ok: destroyed at once: nothing is left
ok: strict around an object, locking=1, regenerate_id(false): it has all
ok: its end is that of the copy
ok: twice: it has all
ok: but what it was stored under
ok: and its end is an end
ok: nobody is on the list
ok: destroyed at once: nothing is left
ok: strict around an object, locking=0, regenerate_id(true): it has all
ok: its end is that of the copy
ok: twice: it has all
ok: but what it was stored under
ok: and its end is an end
ok: nobody is on the list
ok: destroyed at once: nothing is left
ok: strict around an object, locking=0, regenerate_id(false): it has all
ok: its end is that of the copy
ok: twice: it has all
ok: but what it was stored under
ok: and its end is an end
ok: nobody is on the list
ok: destroyed at once: nothing is left
ok: object, locking=1, regenerate_id(true): it has all
ok: its end is that of the copy
ok: twice: it has all
ok: but what it was stored under
ok: and its end is an end
ok: nobody is on the list
ok: destroyed at once: nothing is left
ok: object, locking=1, regenerate_id(false): it has all
ok: its end is that of the copy
ok: twice: it has all
ok: but what it was stored under
ok: and its end is an end
ok: nobody is on the list
ok: destroyed at once: nothing is left
ok: object, locking=0, regenerate_id(true): it has all
ok: its end is that of the copy
ok: twice: it has all
ok: but what it was stored under
ok: and its end is an end
ok: nobody is on the list
ok: destroyed at once: nothing is left
ok: object, locking=0, regenerate_id(false): it has all
ok: its end is that of the copy
ok: twice: it has all
ok: but what it was stored under
ok: and its end is an end
ok: nobody is on the list
ok: destroyed at once: nothing is left
ok: PHP has another id
ok: and its session gets no user
ok: nothing is on the list