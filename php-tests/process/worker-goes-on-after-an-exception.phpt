--TEST--
a worker that lives on after an exception: what ends its session frees the lock, and rustredis.lock_max_hold where nothing does
--INI--
rustredis.lock_lease=1
rustredis.lock_max_hold=3
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class Wraps extends SessionHandler
{
    public bool $throws = false;

    public function write(string $id, string $data): bool
    {
        return $this->throws ? throw new LogicException('out of write()') : parent::write($id, $data);
    }
}
$handler = new Wraps();
session_set_save_handler($handler);

/** One request of the worker: what it threw. */
function request(string $id, callable $page, ?callable $end = null): string
{
    try {
        try {
            start($id);
            $page();
            session_write_close();
        } finally {
            if ($end !== null && session_status() === PHP_SESSION_ACTIVE) {
                $end();
            }
        }
    } catch (LogicException $exception) {
        return $exception->getMessage();
    }
    return '';
}
$page_throws = function () {
    $_SESSION['n'] = 2;
    throw new LogicException('out of the page');
};
foreach (['session_abort' => 'n|i:1;', 'session_write_close' => 'n|i:2;'] as $end => $stored) {
    $id = new_id();
    store_session($id, ['n' => 1]);
    same("$end() after an exception of the page", 'out of the page', request($id, $page_throws, $end));
    same('frees the lock', [false, $stored], [is_locked($id), redis()->get(data_key($id))]);
    same('and the next request works', ['', PHP_SESSION_NONE], [request($id, fn () => $_SESSION['n'] = 3), session_status()]);
}

$handler->throws = true;
$id = new_id();
store_session($id, ['n' => 1]);
same('an exception out of the write', 'out of write()', request($id, fn () => $_SESSION['n'] = 2));
same('ends the session', [PHP_SESSION_NONE, false, 'n|i:1;'], [session_status(), is_locked($id), redis()->get(data_key($id))]);
$handler->throws = false;

// Elsewhere than the other tests, where a lock that runs out is a failure.
$server = RedisServer::start();
$resp = $server->resp();
ini_set('session.save_path', $server->save_path());
same('nothing is called', 'out of the page', request($id, $page_throws));
same('the session stays open', [PHP_SESSION_ACTIVE, true], [session_status(), is_locked($id, $resp)]);
poll('the end of lock_max_hold', fn () => !is_locked($id, $resp));
$resp->set(data_key($id), 'n|i:9;');
$got = warnings_of(fn () => session_write_close());
ok('a late write is refused', str_contains($got[0] ?? '', 'lost its lock'), $got);
same('what others wrote stays', 'n|i:9;', $resp->get(data_key($id)));
same('and the next request works', '', request($id, fn () => $_SESSION['n']++));
same('with it', 'n|i:10;', $resp->get(data_key($id)));
--EXPECT--
ok: session_abort() after an exception of the page
ok: frees the lock
ok: and the next request works
ok: session_write_close() after an exception of the page
ok: frees the lock
ok: and the next request works
ok: an exception out of the write
ok: ends the session
ok: nothing is called
ok: the session stays open
ok: a late write is refused
ok: what others wrote stays
ok: and the next request works
ok: with it
