--TEST--
rustredis_session_lifetime(): a session has lifetimes of its own on all pages, and under all ids
--INI--
session.gc_maxlifetime=1800
--FILE--
<?php
require __DIR__ . '/lifetime.inc';

const DAY = 86400;

function ttl_is(string $what, int $seconds, string $id): void
{
    $ttl = redis()->ttl(data_key($id));
    ok("$what: the TTL", $ttl > $seconds - 60 && $ttl <= $seconds + 1, $ttl);
}

/** A session whose user wants to be remembered. */
function remembered(int $idle, ?int $absolute = null): string
{
    start($id = new_id());
    $_SESSION['n'] = 1;
    same('it is set', [true, 0], [true, trips(fn () => rustredis_session_lifetime($idle, $absolute) || exit('no'))]);
    session_write_close();
    return $id;
}

$warnings = warnings_of(fn () => same('no session', false, rustredis_session_lifetime(DAY)));
same('a warning', 1, count(preg_grep('/no session is open that will be saved/', $warnings)));
foreach ([[0], [-1], [PHP_INT_MAX], [1, -1], [1, PHP_INT_MAX]] as $arguments) {
    try {
        rustredis_session_lifetime(...$arguments);
        echo 'NOT OK: taken: ', implode(', ', $arguments), "\n";
    } catch (ValueError $error) {
        ok($error->getMessage(), true);
    }
}
$id = remembered(30 * DAY, 90 * DAY);
ttl_is('thirty days', 30 * DAY, $id);
ok('ninety at most', near(now() + 90 * DAY * 1000, state($id)['end']), state($id));
foreach (['1', '0'] as $locking) {
    ini_set('rustredis.locking', $locking);
    $state = redis()->ttl(side_key(remembered(30 * DAY, 90 * DAY), 'STATE'));
    ok("locking=$locking: what is left then is gone a day later", abs($state - 91 * DAY) < 60, $state);
}
ini_set('rustredis.locking', '1');
visit($id);
ttl_is('after another page', 30 * DAY, $id);
visit($id, ['read_and_close' => true]);
ttl_is('after one that only reads', 30 * DAY, $id);
start($id);
session_abort();
ttl_is('after one that gives up', 30 * DAY, $id);
ini_set('rustredis.locking', '0');
visit($id);
ttl_is('without locking', 30 * DAY, $id);
ini_set('rustredis.locking', '1');
start($id);
session_regenerate_id(true);
$id = session_id();
session_write_close();
ttl_is('under another id', 30 * DAY, $id);
visit($id);
ttl_is('there, too', 30 * DAY, $id);

$id = remembered(100);
ttl_is('an admin has less than a shop', 100, $id);
ini_set('session.gc_maxlifetime', '100000');
visit($id);
ttl_is('whatever other pages have', 100, $id);
ini_set('session.gc_maxlifetime', '1800');

start($id);
rustredis_session_lifetime(200);
same('an unchanged session', [true, 1], [true, trips(fn () => session_write_close())]);
ttl_is('has it as well', 200, $id);
start($id, ['read_and_close' => true]);
$warnings = warnings_of(fn () => same('one that is only read has not', false, rustredis_session_lifetime(300)));
same('a warning', 1, count(preg_grep('/no session is open that will be saved/', $warnings)));

ini_set('rustredis.absolute_timeout', '7200');
$id = remembered(30 * DAY);
ttl_is('the end of php.ini stays', 7200, $id);
$id = remembered(30 * DAY, 0);
ttl_is('unless it is taken away', 30 * DAY, $id);
same('there is no end', '', state($id)['end']);
visit($id);
same('and no page brings it back', '', state($id)['end']);
set_state($id, ['bumped' => now() - 14 * DAY * 1000]);
visit($id);
ok('the state is not written each time', !near(now(), state($id)['bumped']), state($id));
set_state($id, ['bumped' => now() - 16 * DAY * 1000]);
visit($id);
ok('but after half the time', near(now(), state($id)['bumped']), state($id));
ok('for twice the time', redis()->ttl(side_key($id, 'STATE')) > 59 * DAY, redis()->ttl(side_key($id, 'STATE')));
set_state($id, ['created' => now() - 5000]);
start($id);
$warnings = warnings_of(fn () => same('a session that is older', false, rustredis_session_lifetime(DAY, 3)));
same('a warning', 1, count(preg_grep('/older than that/', $warnings)));
session_write_close();
same('it stays', 'n|i:4;', redis()->get(data_key($id)));
ini_set('rustredis.first_lifetime', '200');
$id = remembered(DAY);
ttl_is('the first lifetime is for others', 7200, $id);
--EXPECT--
ok: no session
ok: a warning
ok: rustredis_session_lifetime(): Argument #1 ($idle) must be a number of seconds from 1 to 2147483647
ok: rustredis_session_lifetime(): Argument #1 ($idle) must be a number of seconds from 1 to 2147483647
ok: rustredis_session_lifetime(): Argument #1 ($idle) must be a number of seconds from 1 to 2147483647
ok: rustredis_session_lifetime(): Argument #2 ($absolute) must be a number of seconds from 0 to 2147483647
ok: rustredis_session_lifetime(): Argument #2 ($absolute) must be a number of seconds from 0 to 2147483647
ok: it is set
ok: thirty days: the TTL
ok: ninety at most
ok: it is set
ok: locking=1: what is left then is gone a day later
ok: it is set
ok: locking=0: what is left then is gone a day later
ok: after another page: the TTL
ok: after one that only reads: the TTL
ok: after one that gives up: the TTL
ok: without locking: the TTL
ok: under another id: the TTL
ok: there, too: the TTL
ok: it is set
ok: an admin has less than a shop: the TTL
ok: whatever other pages have: the TTL
ok: an unchanged session
ok: has it as well: the TTL
ok: one that is only read has not
ok: a warning
ok: it is set
ok: the end of php.ini stays: the TTL
ok: it is set
ok: unless it is taken away: the TTL
ok: there is no end
ok: and no page brings it back
ok: the state is not written each time
ok: but after half the time
ok: for twice the time
ok: a session that is older
ok: a warning
ok: it stays
ok: it is set
ok: the first lifetime is for others: the TTL