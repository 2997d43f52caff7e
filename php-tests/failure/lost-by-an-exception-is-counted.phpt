--TEST--
a session that an exception keeps from being encoded is counted as refused
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class Closed
{
    public function __serialize(): array
    {
        throw new LogicException('not this one');
    }
}

function counter(string $name): int
{
    return preg_match('/^rustredis_' . preg_quote($name, '/') . ' (\d+)/m', rustredis_metrics(), $found) ? (int) $found[1] : -1;
}

ini_set('error_log', temp_file(''));
start(new_id());
$_SESSION['closed'] = new Closed();
try {
    @session_write_close();
} catch (LogicException $exception) {
    same('the exception arrives', 'not this one', $exception->getMessage());
}
$last = rustredis_status()['last'];
same('the page has changed its session', ['refused', true], [$last['outcome'], $last['changed']]);
same('no page for read_and_close', 0, counter('locked_unchanged_total'));
same('one refused write', 1, counter('writes_total{result="refused"}'));
same('with the reason', 1, counter('writes_refused_total{reason="not_encoded"}'));
--EXPECT--
ok: the exception arrives
ok: the page has changed its session
ok: no page for read_and_close
ok: one refused write
ok: with the reason
