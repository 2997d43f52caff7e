--TEST--
rustredis_user() with a limit: the oldest sessions end, or the login is refused
--INI--
session.gc_maxlifetime=1800
--FILE--
<?php
require __DIR__ . '/user.inc';

/** Lets a session have been used last at some time. */
function age(string $user, string $id, int $seconds): void
{
    redis()->hset(list_key($user), $id, sprintf('%d|%d', now() - $seconds * 1000, now() + 3_600_000));
}

$user = new_user();
[$a, $b, $c] = [login($user, 3), login($user, 3), login($user, 3)];
age($user, $a, 100);
age($user, $b, 300);
age($user, $c, 200);
$d = login($user, 3);
same('the oldest of three', [true, false, true, true], array_map(lives(...), [$a, $b, $c, $d]));
same('the reason', 'limit', reason_of($b));
same('three are on the list', 3, count(on_list($user)));
start($b);
same('it is told', ['limit', []], [rustredis_ended(), $_SESSION]);
session_abort();
$e = login($user, 1);
same('a limit of one', [false, false, false, true], array_map(lives(...), [$a, $c, $d, $e]));
same('one is left', [$e], array_keys(on_list($user)));
start($e);
same('the same session again', true, rustredis_user($user, 1));
session_regenerate_id(true);
same('and under another id', true, rustredis_user($user, 1));
$f = session_id();
session_write_close();
same('it is the one that is left', [[$f], true, 'regenerated'], [array_keys(on_list($user)), lives($f), reason_of($e)]);

same('refused', null, login($user, 1, 'refuse'));
same('without a trace', [[$f], 1], [array_keys(on_list($user)), redis()->exists(data_key($f))]);
$g = login($user, 2, 'refuse');
same('a place is left', true, is_string($g));
same('none is left', null, login($user, 2, 'refuse'));
start($f);
same('whoever is in stays in', true, rustredis_user($user, 2, 'refuse'));
session_destroy();
$h = login($user, 2, 'refuse');
same('after a logout', true, is_string($h));

// Its place is younger than its state, as that of a new login would be.
set_state($g, ['bumped' => now() - 20_000]);
redis()->del(data_key($g));
same('a session that is missing may be a login that still runs', null, login($user, 2, 'refuse'));
age($user, $g, 11);
$i = login($user, 2, 'refuse');
same('the dead do not count', true, is_string($i));
same('and stay dead, for the same reason', 'idle', reason_of($g));
set_state($h, ['end' => now() - 2000]);
$j = login($user, 2, 'refuse');
same('nor does one that is over', true, is_string($j));
redis()->set(side_key($i, 'STATE'), 'dead|logout|' . (now() + 5) . '|t', 'EX', 100);
$k = login($user, 2, 'refuse');
same('nor one that has ended', true, is_string($k));
set_state($j, ['user' => list_name(new_user())]);
age($user, $j, 11);
same('nor one that another user has', true, is_string(login($user, 2, 'refuse')));
same('which lives', true, lives($j));

$user = new_user();
$a = login($user);
redis()->hset(list_key($user), $a, sprintf('%d|%d', now() - 100, now() - 1));
$b = login($user, 1);
same('what is past its time is off the list', [[$b], true], [array_keys(on_list($user)), lives($a)]);

$remembered = new_user();
start($long = new_id());
rustredis_session_lifetime(86400 * 30);
rustredis_user($remembered);
session_write_close();
ok('a long session has a long list', redis()->ttl(list_key($remembered)) > 86400 * 59, redis()->ttl(list_key($remembered)));
login($remembered);
ok('a short one does not shorten it', redis()->ttl(list_key($remembered)) > 86400 * 59, redis()->ttl(list_key($remembered)));
--EXPECT--
ok: the oldest of three
ok: the reason
ok: three are on the list
ok: it is told
ok: a limit of one
ok: one is left
ok: the same session again
ok: and under another id
ok: it is the one that is left
ok: refused
ok: without a trace
ok: a place is left
ok: none is left
ok: whoever is in stays in
ok: after a logout
ok: a session that is missing may be a login that still runs
ok: the dead do not count
ok: and stay dead, for the same reason
ok: nor does one that is over
ok: nor one that has ended
ok: nor one that another user has
ok: which lives
ok: what is past its time is off the list
ok: a long session has a long list
ok: a short one does not shorten it
