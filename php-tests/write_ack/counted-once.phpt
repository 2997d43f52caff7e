--TEST--
write_ack=deferred: a write is counted when its answer comes, as what it says
--INI--
rustredis.write_ack=deferred
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

function counted(): array
{
    preg_match_all('/^rustredis_(?:writes_total\{result="(\w+)"\}|(session_bytes_count)) ([1-9]\d*)/m', rustredis_metrics(), $found);
    return array_combine(array_map(fn ($result, $bytes) => $result . $bytes, $found[1], $found[2]), array_map('intval', $found[3]));
}

ini_set('error_log', temp_file(''));
$id = new_id();
store_session($id, ['n' => 1]);
/** Returns what becomes of a session, as far as its request knows. */
$session = function (?int $value, bool $is_lost = false) use ($id): array {
    start($id);
    $value === null || $_SESSION['n'] = $value;
    if ($is_lost) {
        redis()->set(lock_key($id), foreign_token(), 'PX', 30000);
    }
    $done = session_write_close();
    $is_lost && redis()->del(lock_key($id));
    $last = rustredis_status()['last'];
    return [$done, $last['outcome'], $last['changed']];
};
/** The next request of the process reads the answer. */
$answered = function (): array {
    start(new_id(), ['read_and_close' => true]);
    return counted();
};
same('a change is sent', [true, 'sent', true], $session(2));
same('and stored', ['stored' => 1, 'session_bytes_count' => 1], $answered());
same('no change', [true, 'unchanged', false], $session(null));
same('is counted as well', ['stored' => 1, 'unchanged' => 1, 'session_bytes_count' => 1], $answered());
same('a change under a lost lock is sent', [true, 'sent', true], $session(3, true));
same('and refused', ['stored' => 1, 'unchanged' => 1, 'refused' => 1, 'session_bytes_count' => 1], $answered());
same('what was stored stays', 'n|i:2;', redis()->get(data_key($id)));
ini_set('rustredis.touch', '0');
same('nothing is to be written', [true, 'unchanged', false], $session(null));
same('which is counted at once', ['stored' => 1, 'unchanged' => 2, 'refused' => 1, 'session_bytes_count' => 1], counted());
--EXPECT--
ok: a change is sent
ok: and stored
ok: no change
ok: is counted as well
ok: a change under a lost lock is sent
ok: and refused
ok: what was stored stays
ok: nothing is to be written
ok: which is counted at once
