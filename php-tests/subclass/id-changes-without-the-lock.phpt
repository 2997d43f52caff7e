--TEST--
a handler class that changes the id without the lock, as it has closed its parent, reads elsewhere or tries again: nothing lives under the old id, and nobody else has changed the session
--SKIPIF--
<?php getenv('USE_ZEND_ALLOC') === '0' && die('skip under valgrind the processes take longer than the lease');
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class Passes extends SessionHandler
{
    public function again(): void { $this->close(); $this->open(session_save_path(), session_name()); }
}
class Caches extends SessionHandler
{
    public array $cache = [];
    public function read(string $id): string|false { return $this->cache[$id] ?? parent::read($id); }
}
class TriesAgain extends SessionHandler
{
    public function write(string $id, string $data): bool { return parent::write($id, $data) || parent::write($id, $data); }
    public function destroy(string $id): bool { return parent::destroy($id) || parent::destroy($id); }
}
/* Redis takes writes again, after a failover. */
class Waits extends SessionHandler
{
    public array $others = [];
    private function again(string $id): bool
    {
        global $server;
        $server->resp()->config('SET', 'min-replicas-to-write', '0');
        $server->resp()->config('SET', 'maxmemory', '0');
        $this->others[] = Child::run('say(json_encode(@start($argv[1])));', [$id], ['session.save_path' => $server->save_path(), 'rustredis.lock_wait' => '2'])->line();
        return true;
    }
    public function write(string $id, string $data): bool { return parent::write($id, $data) || ($this->again($id) && parent::write($id, $data)); }
    public function destroy(string $id): bool { return parent::destroy($id) || ($this->again($id) && parent::destroy($id)); }
}
$server = RedisServer::start();
ini_set('session.save_path', $server->save_path() . '?read_timeout=' . 0.3 * slowness());
$pause = fn (int $ms) => $server->resp()->client('PAUSE', $ms, 'ALL');
$cases = [
    'closed and opened' => ['Passes', fn ($handler) => $handler->again()],
    'closed, opened and written' => ['Passes', fn ($handler, string $id) => [$handler->again(), $handler->write($id, session_encode())]],
    'read from a cache' => ['Caches', fn () => null],
    'refused, and tried again' => ['Waits', fn () => $server->resp()->config('SET', 'min-replicas-to-write', '1')],
    'without memory, and tried again' => ['Waits', fn () => $server->resp()->config('SET', 'maxmemory', '1')],
    'tried again' => ['TriesAgain', fn () => $pause(400 * slowness())],
];
foreach ($cases as $case => [$class, $before]) {
    foreach ([true, false] as $deletes) {
        $id = new_id();
        store_session($id, ['a' => 1], 1440, $server->resp());
        session_set_save_handler($handler = new $class());
        if ($class === 'Caches') {
            $handler->cache = [$id => 'a|i:1;'];
        }
        start($id);
        $user = $class === 'TriesAgain' || $class === 'Waits' ? new_id() : null;
        $user && rustredis_user($user);
        $before($handler, $id);
        $_SESSION['secret'] = 2;
        /* A class that tries again may be told of the first failure. */
        warnings_of(function () use ($deletes): void {
            ok('the id changes', session_regenerate_id($deletes));
        });
        session_write_close();
        same("$case, " . ($deletes ? 'true' : 'false') . ': nothing lives under the old id', 0, $server->resp()->exists(data_key($id)));
        ok('a late request sees nothing of what came later', !str_contains((string) $server->resp()->get(side_key($id, 'OLD')), 'secret'));
        if ($class === 'Waits') {
            same('nobody else could change it in between', ['false'], $handler->others);
        }
        $user && same('it is that of its user', 1, count(rustredis_user_sessions($user)));
        ok('the session goes on', str_contains((string) $server->resp()->get(data_key(session_id())), 'secret|i:2;'));
    }
}

/* Another request may have the lock, and store something, after a write or a move without an
 * answer. */
$other = function (string $id) use ($server): string {
    return Child::run(
        'start($argv[1]); $_SESSION["cart"] = 7; say(json_encode(session_write_close()));',
        [$id],
        ['session.save_path' => $server->save_path(), 'rustredis.lock_wait' => (string) (20 * slowness())],
    )->line(60);
};
class TriesLater extends SessionHandler
{
    public ?string $other = null;
    private function later(string $id): bool { $this->other ??= ($GLOBALS['other'])($id); return true; }
    public function write(string $id, string $data): bool { return parent::write($id, $data) || ($this->later($id) && parent::write($id, $data)); }
    public function destroy(string $id): bool { return parent::destroy($id) || ($this->later($id) && parent::destroy($id)); }
}
ini_set('rustredis.lock_lease', '2');
foreach (['a move', 'a write by hand'] as $unanswered) {
    foreach ([true, false] as $deletes) {
        $id = new_id();
        store_session($id, ['a' => 1], 1440, $server->resp());
        session_set_save_handler($handler = $unanswered === 'a move' ? new TriesLater() : new Passes());
        start($id);
        $_SESSION['n'] = 1;
        $pause(400 * slowness());
        if ($unanswered === 'a write by hand') {
            warnings_of(fn () => $handler->write($id, session_encode()));
            $stored = $other($id);
        }
        $_SESSION['secret'] = 2;
        $got = true;
        warnings_of(function () use ($deletes, &$got): void {
            $got = session_regenerate_id($deletes);
        });
        same("$unanswered without an answer, " . ($deletes ? 'true' : 'false') . ': the change of another request is kept', ['true', false, true], [
            $stored ?? $handler->other,
            $got,
            str_contains((string) $server->resp()->get(data_key($id)), 'cart|i:7;'),
        ]);
        unset($stored);
        @session_abort();
    }
}
--EXPECTREGEX--
(ok: [^\n]*\n?){62}
