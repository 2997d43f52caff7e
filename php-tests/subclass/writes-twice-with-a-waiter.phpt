--TEST--
a subclass that writes twice while another request waits: both writes count, then the waiter has its turn
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class Twice extends SessionHandler
{
    public array $results = [];

    public function write(string $id, string $data): bool
    {
        $this->results[] = parent::write($id, 'n|i:10;');
        $this->results[] = parent::write($id, 'n|i:20;');
        return true;
    }
}
$handler = new Twice();
session_set_save_handler($handler);
$id = new_id();
start($id);
$child = Child::run('start($argv[1]); say((string) $_SESSION["n"]); $_SESSION["n"]++;', [$id]);
poll('the waiter', fn () => redis()->zcard(side_key($id, 'WAITERS')) === 1);
$_SESSION['n'] = 1;
$got = warnings_of(fn () => session_write_close());
$seen = $child->line();
same('the waiter ends', '', $child->output());
// Either the first write handed the lock over and the second was refused, or the lock was kept for both.
$kept = [$handler->results, $seen, count($got)] === [[true, true], '20', 0];
$handed_over = [$handler->results, $seen, count($got)] === [[true, false], '10', 1];
ok('nothing is lost', $kept || $handed_over, [$handler->results, $seen, $got]);
same('the waiter has the last word', 'n|i:' . ($seen + 1) . ';', redis()->get(data_key($id)));
--EXPECT--
ok: the waiter ends
ok: nothing is lost
ok: the waiter has the last word
