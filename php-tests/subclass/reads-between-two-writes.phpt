--TEST--
a subclass that writes, reads, and writes again: another request that has its turn in between loses nothing
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class Reads extends SessionHandler
{
    public array $results = [];
    public ?Closure $between = null;

    public function write(string $id, string $data): bool
    {
        $this->results[] = parent::write($id, 'n|i:10;');
        ($this->between)($id);
        $this->results[] = parent::read($id);
        $this->results[] = parent::write($id, $data);
        return true;
    }
}
$handler = new Reads();
session_set_save_handler($handler);
$other = fn (string $code) => fn ($id) => same('the other request has its turn', '', Child::run("start(\$argv[1]); $code", [$id])->output());
$cases = [
    'one that changes it' => ['$_SESSION["n"]++;', [true, 'n|i:11;', false], 'n|i:11;', 'gave its lock back'],
    'one that only reads it' => ['session_abort();', [true, 'n|i:10;', true], 'n|i:1;', null],
    'one that destroys it' => ['session_destroy();', [true, '', false], null, 'destroyed it'],
];
foreach ($cases as $case => [$code, $results, $stored, $said]) {
    $id = new_id();
    $handler->results = [];
    $handler->between = $other($code);
    start($id);
    $_SESSION['n'] = 1;
    $got = warnings_of(fn () => session_write_close());
    same($case, [$results, $stored], [$handler->results, redis()->get(data_key($id))]);
    check_warnings('it is said', $got, $said ? [['rustredis: ', $said]] : [], $id);
    same('the lock is gone', false, is_locked($id));
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
ok: one that destroys it
ok: it is said
ok: the lock is gone
