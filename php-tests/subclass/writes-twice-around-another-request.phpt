--TEST--
a subclass that writes twice, with another request in between: the second write is refused if that has changed the session
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class Twice extends SessionHandler
{
    public array $results = [];
    public ?Closure $between = null;
    public bool $closes = true;

    public function write(string $id, string $data): bool
    {
        $this->results[] = parent::write($id, 'n|i:10;');
        ($this->between)($id);
        $this->results[] = parent::write($id, $data);
        return true;
    }

    public function close(): bool
    {
        return !$this->closes || parent::close();
    }
}
$handler = new Twice();
session_set_save_handler($handler);
$other = fn (string $code) => fn ($id) => same('the other request has its turn', '', Child::run("start(\$argv[1]); $code", [$id])->output());
$cases = [
    'one that changes it' => ['$_SESSION["n"] = 11;', false, 'n|i:11;'],
    'one that only reads it' => ['session_abort();', true, 'n|i:1;'],
    'one that leaves it as it is' => ['', true, 'n|i:1;'],
    'one that destroys it' => ['session_destroy();', false, null],
];
foreach ([true, false] as $closes) {
    $handler->closes = $closes;
    foreach ($cases as $case => [$code, $is_saved, $stored]) {
        $id = new_id();
        $handler->results = [];
        $handler->between = $other($code);
        start($id);
        $_SESSION['n'] = 1;
        $got = warnings_of(fn () => session_write_close());
        same($case, [[true, $is_saved], $stored], [$handler->results, redis()->get(data_key($id))]);
        check_warnings('it is said', $got, $is_saved ? [] : [['rustredis: ', $stored ? 'gave its lock back' : 'destroyed it']], $id);
        same('the lock is gone', false, is_locked($id));
    }
}
--EXPECT--
ok: the other request has its turn
ok: one that changes it
ok: it is said
ok: the lock is gone
ok: the other request has its turn
ok: one that only reads it
ok: it is said
ok: the lock is gone
ok: the other request has its turn
ok: one that leaves it as it is
ok: it is said
ok: the lock is gone
ok: the other request has its turn
ok: one that destroys it
ok: it is said
ok: the lock is gone
ok: the other request has its turn
ok: one that changes it
ok: it is said
ok: the lock is gone
ok: the other request has its turn
ok: one that only reads it
ok: it is said
ok: the lock is gone
ok: the other request has its turn
ok: one that leaves it as it is
ok: it is said
ok: the lock is gone
ok: the other request has its turn
ok: one that destroys it
ok: it is said
ok: the lock is gone
