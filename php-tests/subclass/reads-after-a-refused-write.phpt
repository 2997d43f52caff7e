--TEST--
a subclass that reads again after a refused write: what it writes next goes over nothing of others
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class Insists extends SessionHandler
{
    public array $results = [];
    public ?Closure $between = null;
    public array $steps = [];

    public function write(string $id, string $data): bool
    {
        ($this->between)($id);
        foreach ($this->steps as $step) {
            $this->results[] = $step === 'read' ? parent::read($id) : parent::write($id, $data);
        }
        return true;
    }
}

$handler = new Insists();
session_set_save_handler($handler);
// Also where it reads first, and finds out that way.
$cases = [
    [['write', 'read', 'write'], [false, 'n|i:11;', false]],
    [['read', 'write'], ['n|i:11;', false]],
];
foreach ($cases as [$handler->steps, $results]) {
    $handler->results = [];
    // The lock goes to another, which changes the session.
    $handler->between = function (string $id): void {
        redis()->del(lock_key($id));
        same('the other request has its turn', '', Child::run('start($argv[1]); $_SESSION["n"]++;', [$id])->output());
    };
    $id = new_id();
    redis()->set(data_key($id), 'n|i:10;');
    start($id);
    $_SESSION['n'] = 1;
    $got = warnings_of(fn () => session_write_close());
    same('nothing is written', [$results, 'n|i:11;'], [$handler->results, redis()->get(data_key($id))]);
    check_warnings('each write is refused aloud', $got, array_fill(0, count(array_keys($results, false, true)), ['rustredis: ', 'was not saved']), $id);
    same('the lock is gone', false, is_locked($id));
}
--EXPECT--
ok: the other request has its turn
ok: nothing is written
ok: each write is refused aloud
ok: the lock is gone
ok: the other request has its turn
ok: nothing is written
ok: each write is refused aloud
ok: the lock is gone
