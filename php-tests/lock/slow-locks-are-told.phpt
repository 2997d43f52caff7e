--TEST--
rustredis.slow_lock: PHP's error log and rustredis_status() tell of a long wait, and nothing without the setting
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

/** Lets another process wait this long for a lock, or in vain. Returns its log and its slow locks. */
function wait_for(string $id, string $code, array $ini, ?float $seconds): array
{
    $log = temp_file('', '.log');
    redis()->set(lock_key($id), 'old-host|99', 'PX', 60000);
    $child = Child::run($code . ' say(json_encode(rustredis_status()["slow_locks"]));', [$id],
        $ini + ['error_log' => $log, 'log_errors' => '1']);
    poll('the waiter', fn () => redis()->zcard(side_key($id, 'WAITERS')) === 1);
    if ($seconds !== null) {
        usleep((int) ($seconds * 1e6));
        redis()->del(lock_key($id));
    }
    $slow = json_decode($child->line(), true);
    $child->output();
    $lines = array_values(preg_grep('/slow lock/', file($log, FILE_IGNORE_NEW_LINES)));
    return [preg_replace('/^\[[^]]*\] /', '', $lines), $slow];
}

$id = new_id();
store_session($id, ['n' => 1]);
$short = substr($id, 0, 6) . '...';
$write = 'start($argv[1]); $_SESSION["n"]++; session_write_close();';

same('without the setting', [[], []], wait_for($id, $write, [], 0.3));
same('a shorter wait', [[], []], wait_for($id, $write, ['rustredis.slow_lock' => '20'], 0.1));

[$lines, $slow] = wait_for($id, $write, ['rustredis.slow_lock' => '0.2'], 1);
same('one line', 1, count($lines));
ok('which is no warning', preg_match('/^PHP Notice:  rustredis: slow lock of session ' . preg_quote($short) . ': '
    . preg_quote(gethostname()) . ', pid \d+, cli waited \d+\.\d{3} s for it \(held by another client on old-host, pid 99\), '
    . 'held it for \d+\.\d{3} s, and changed the session \(rustredis.slow_lock\)$/', $lines[0]) === 1, $lines);
same('without the whole id', false, str_contains($lines[0], $id));
same('one record', 1, count($slow));
same('its session, its holder', [$short, 'held by another client on old-host, pid 99'], [$slow[0]['session'], $slow[0]['holder']]);
same('what it did', [false, false, true], [$slow[0]['given_up'], $slow[0]['kept_waiting'], $slow[0]['changed']]);
ok('its times', $slow[0]['waited_ms'] >= 250 && $slow[0]['held_ms'] >= 0 && $slow[0]['held_ms'] < $slow[0]['waited_ms']
    && abs($slow[0]['at_ms'] / 1000 - time()) < 60, $slow[0]);

$in_vain = 'set_error_handler(fn () => true); try { start($argv[1]); } catch (Throwable) {}';
[$lines, $slow] = wait_for($id, $in_vain, ['rustredis.slow_lock' => '0.2', 'rustredis.lock_wait' => '2'], null);
ok('a wait in vain', preg_match('/, cli waited .* and did not get it \(/', $lines[0] ?? '') === 1, $lines);
same('its record', [true, 0], [$slow[0]['given_up'], $slow[0]['held_ms']]);
--EXPECT--
ok: without the setting
ok: a shorter wait
ok: one line
ok: which is no warning
ok: without the whole id
ok: one record
ok: its session, its holder
ok: what it did
ok: its times
ok: a wait in vain
ok: its record
