--TEST--
a subclass that writes another session, which Redis has no memory for: its lock goes back with the refusal
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class WritesAnother extends SessionHandler
{
    public string $other = '';
    public ?bool $written = null;

    public function write(string $id, string $data): bool
    {
        $this->written = parent::write($this->other, 'a|s:16777216:"' . str_repeat('x', 1 << 24) . '";');
        return parent::write($id, $data);
    }
}
$server = RedisServer::start(['--maxmemory-policy', 'noeviction']);
ini_set('session.save_path', $server->save_path());
$handler = new WritesAnother();
session_set_save_handler($handler);
$id = new_id();
$handler->other = new_id();
start($id);
$_SESSION['n'] = 1;
// Enough for a lock, and too little for the value.
preg_match('/used_memory:(\d+)/', $server->resp()->info('memory'), $used);
$server->resp()->config('SET', 'maxmemory', (string) ($used[1] + (4 << 20)));
warnings_of(fn () => session_write_close());
same('it is refused', false, $handler->written);
same('both locks are gone', [false, false], [is_locked($id, $server->resp()), is_locked($handler->other, $server->resp())]);
--EXPECT--
ok: it is refused
ok: both locks are gone
