--TEST--
The functions for administrators see, store and unlock sessions, byte for byte
--INI--
rustredis.admin=1
--FILE--
<?php
require __DIR__ . '/../class/class.inc';

/** All names of a kind, over all pages and servers. */
function all_names(string $kind): array
{
    $names = [];
    $cursor = null;
    do {
        $page = rustredis_scan($cursor, $kind);
        array_push($names, ...$page['names']);
        $cursor = $page['cursor'];
    } while ($cursor !== null);
    $names = array_unique($names);
    sort($names, SORT_STRING);
    return $names;
}

// The other tests use the common server, and its user may have the smallest rights only.
$server = RedisServer::start();
$redis = $server->resp();
ini_set('session.save_path', $server->save_path());
$may = fn (string ...$rights) => $redis->acl('SETUSER', redis_user(), ...$rights);
// Redis 6.0 takes a part of a command only if the whole was taken away.
$may('+scan', '+dbsize', '+info', '-config', '+config|get');

$ids = array_map(fn () => new_id(), range(1, 40));
sort($ids, SORT_STRING);
foreach ($ids as $i => $id) {
    store_session($id, ['n' => $i], redis: $redis);
}
same('each session is found', $ids, array_values(array_intersect(all_names('sessions'), $ids)));
ok('the first page counts keys', rustredis_scan()['total'] >= 40);

start($id = $ids[7]);
$_SESSION['text'] = "a\0b\xff";
same('a locked session is found', [$id], array_values(array_intersect(all_names('locks'), $ids)));
$lock = rustredis_lock($id);
same('its holder', [gethostname(), getmypid(), null, 0], [$lock['host'], $lock['pid'], $lock['uri'], $lock['waiters']]);
ok('in words', str_starts_with($lock['holder'], 'held by ' . gethostname() . ', pid ' . getmypid()), $lock);
ok('its times', $lock['held_ms'] >= 0 && $lock['held_ms'] < 10_000 && $lock['ttl_ms'] > 0 && $lock['ttl_ms'] <= 10_000, $lock);
same('another session is free', null, rustredis_lock($ids[8]));
same('its lock can be taken away', true, rustredis_unlock($id));
same('once', false, rustredis_unlock($id));
same('the lock is gone', false, is_locked($id, $redis));
$warnings = warnings_of(fn () => session_write_close());
ok('its holder may not write', count(preg_grep('/was not saved: .*its key was removed/', $warnings)) === 1, $warnings);

$redis->set(lock_key($id), "other-host|42\xff");
same("phpredis' lock, too", [true, false], [rustredis_unlock($id), is_locked($id, $redis)]);

$stored = rustredis_stored($id);
same('a stored session', 'n|i:7;', $stored['data']);
ok('its TTL', $stored['ttl_ms'] > 1_300_000 && $stored['ttl_ms'] <= 1_440_000, $stored);
same('it has no state', [null, null], [$stored['state'], $stored['state_ttl_ms']]);
same('no session', null, rustredis_stored(new_id()));

$new = new_id();
$data = random_bytes(100_000);
$state = 'live|5||||5||' . substr(hash('sha256', 'ann'), 0, 32) . '|a phone';
same('stored', true, rustredis_store($new, $data, 50_000, $state, 90_000));
$stored = rustredis_stored($new);
same('to the byte', [$data, $state], [$stored['data'], $stored['state']]);
ok('with both times', $stored['ttl_ms'] <= 50_000 && $stored['ttl_ms'] > 40_000 && $stored['state_ttl_ms'] > 80_000, $stored);
same('on the list of its user', ['a phone'], array_column(rustredis_user_sessions('ann'), 'label'));
same('not over another', false, rustredis_store($new, 'n|i:1;', 50_000));
same('unless asked', true, rustredis_store($new, 'n|i:1;', null, replace: true));
same('for ever, and without the state of the one before', ['n|i:1;', null, null],
    [rustredis_stored($new)['data'], rustredis_stored($new)['ttl_ms'], rustredis_stored($new)['state']]);

$may('resetkeys', '~' . PREFIX . ($other = new_id()));
same('a session whose state is refused', 'RefusedException', thrown(fn () => rustredis_store($other, $data, 50_000, $state)));
$may('resetkeys', '~*');
same('is not stored without it', false, (bool) $redis->exists(PREFIX . $other));
same('nor does a time that is too long part them', true, rustredis_store($other, $data, PHP_INT_MAX, $state, PHP_INT_MAX));
same('with its state', $state, rustredis_stored($other)['state']);

foreach (['logout', 'revoked', 'regenerated', 'absolute', 'later'] as $reason) {
    $mark = $reason === 'later' ? 'x|y' : "dead|$reason|5|o:1:2";
    $redis->set(PREFIX . ($dead = new_id()) . '_STATE', $mark, 'EX', 300);
    same("a session that has ended ($reason) is not brought back", [false, false, null, $mark], [rustredis_store($dead, 'n|i:1;'),
        rustredis_store($dead, 'n|i:1;', 50_000, $state, 90_000), rustredis_stored($dead), $redis->get(PREFIX . $dead . '_STATE')]);
    same('unless asked', [true, $mark], [rustredis_store($dead, 'n|i:1;', replace: true), $redis->get(PREFIX . $dead . '_STATE')]);
}

$bob = 'live|5||||5||' . substr(hash('sha256', 'bob'), 0, 32) . '|a desk';
$redis->set(PREFIX . ($kept = new_id()) . '_STATE', $bob, 'PX', 5000);
same('a living state can stay', true, rustredis_store($kept, 'n|i:1;', 50_000, keep_state: true));
$stored = rustredis_stored($kept);
ok('and outlives the session', $stored['state'] === $bob && $stored['state_ttl_ms'] > 90_000 && $stored['ttl_ms'] <= 50_000, $stored);
same('which is on the list of its user', ['a desk'], array_column(rustredis_user_sessions('bob'), 'label'));

$carl = 'live|5||||5||' . substr(hash('sha256', 'carl'), 0, 32) . '|a car';
$may('resetkeys', '~' . PREFIX . ($broken = new_id()) . '*');
same('an import that breaks before the list of the user', 'RefusedException', thrown(fn () => rustredis_store($broken, $data, 50_000, $carl, 90_000)));
$may('resetkeys', '~*');
same('is completed by a repeat', [false, ['a car']],
    [rustredis_store($broken, $data, 50_000, $carl, 90_000), array_column(rustredis_user_sessions('carl'), 'label')]);

$aside = 'ASIDE:' . bin2hex(random_bytes(16));
$redis->set(PREFIX . $aside, 'broken', 'EX', 1000);
same('a value aside is found', true, in_array($aside, all_names('asides'), true));
same('and is no session', false, in_array($aside, all_names('sessions'), true));
same('it can be read', 'broken', rustredis_stored($aside)['data']);
same('and deleted once', [true, false], [rustredis_forget($aside), rustredis_forget($aside)]);

[$report] = rustredis_server();
$is_good = $report['error'] === null && isset($report['info']['redis_version'], $report['config']['maxmemory-policy'])
    && count($report['latency_us']) === 5 && $report['refused'] === [] && !$report['keys_refused'];
ok('a server tells about itself', $is_good, $report);
same('the questions leave no key behind', [], $redis->keys('*_PROBE'));

$may('-lpop', '-del');
[$report] = rustredis_server();
same('nor without rights to take things back', [['del', 'lpop'], []],
    [[...array_intersect(['del', 'lpop'], $report['refused'])], $redis->keys('*_PROBE')]);
$may('+lpop', '+del');

$may('-info', '-config', '-scan', '-rpush', '-watch');
[$report] = rustredis_server();
same('what is refused is not known', [null, null, null], [$report['error'], $report['info'], $report['config']]);
same('a missing right is named', [['rpush'], ['watch']],
    [$report['refused'], array_values(array_intersect($report['missed'], ['watch']))]);
same('a scan is refused', 'RefusedException', thrown(fn () => rustredis_scan()));
$may('+rpush', '+watch', '+scan');
same('an unknown kind', 'SessionException', thrown(fn () => rustredis_scan(null, 'keys')));
same('a place of no server', 'SessionException', thrown(fn () => rustredis_scan('7@@tcp://other:1@' . PREFIX)));
$place = '7@@' . $report['node'] . '@';
same('a place of other sessions', ['SessionException', ''],
    [thrown(fn () => rustredis_scan($place . 'OTHER:')), thrown(fn () => rustredis_scan($place . $report['prefix']))]);
same('no name', 'SessionException', thrown(fn () => rustredis_stored('a_LOCK')));
same('no session is deleted', 'SessionException', thrown(fn () => rustredis_forget($id)));
foreach (['a line more' => "live|1|||||||x\n1evil|i:7;", 'a line more that is no text' => "live|1|||||||\xff\n7", 'another form' => 'x|y'] as $what => $bad) {
    $unknown = new_id();
    same("a state with $what", ['SessionException', null], [thrown(fn () => rustredis_store($unknown, 'x', null, $bad)), rustredis_stored($unknown)]);
}
$other = new_id();
rustredis_store($other, 'x', null, "live|1|||||||caf\xe9");
same('a label that is not UTF-8', "live|1|||||||caf\xe9", rustredis_stored($other)['state']);
ini_set('session.save_path', 'tcp://127.0.0.1:1');
foreach (['scan' => [], 'stored' => [$id], 'store' => [$id, 'x'], 'forget' => [$aside], 'unlock' => [$id], 'lock' => [$id]] as $name => $arguments) {
    thrown(fn () => ('rustredis_' . $name)(...$arguments), $failure);
    ok("a failure of rustredis_$name() names the server", str_contains($failure->getMessage(), 'tcp://127.0.0.1:1 failed: cannot connect'), $failure->getMessage());
}
ini_set('session.save_path', $server->save_path());
same('a time that is over', 'ValueError', thrown(fn () => rustredis_store($id, 'x', 0)));

$calls = "foreach (['scan' => [], 'server' => [], 'stored' => ['a'], 'store' => ['a', 'b'], 'forget' => ['a'], 'unlock' => ['a']] as \$name => \$arguments) {"
    . " try { ('rustredis_' . \$name)(...\$arguments); echo \$name, ' '; } catch (RustRedis\SessionException \$e) { echo \$e->getMessage(), ' '; } }";
$answer = (new CgiRequest($calls, ['rustredis.admin' => '0', 'session.save_path' => $server->save_path()]))->answer();
same("a web server's PHP has them only if the administrator says so", 6, substr_count($answer->body, 'rustredis.admin=1'));
--EXPECT--
ok: each session is found
ok: the first page counts keys
ok: a locked session is found
ok: its holder
ok: in words
ok: its times
ok: another session is free
ok: its lock can be taken away
ok: once
ok: the lock is gone
ok: its holder may not write
ok: phpredis' lock, too
ok: a stored session
ok: its TTL
ok: it has no state
ok: no session
ok: stored
ok: to the byte
ok: with both times
ok: on the list of its user
ok: not over another
ok: unless asked
ok: for ever, and without the state of the one before
ok: a session whose state is refused
ok: is not stored without it
ok: nor does a time that is too long part them
ok: with its state
ok: a session that has ended (logout) is not brought back
ok: unless asked
ok: a session that has ended (revoked) is not brought back
ok: unless asked
ok: a session that has ended (regenerated) is not brought back
ok: unless asked
ok: a session that has ended (absolute) is not brought back
ok: unless asked
ok: a session that has ended (later) is not brought back
ok: unless asked
ok: a living state can stay
ok: and outlives the session
ok: which is on the list of its user
ok: an import that breaks before the list of the user
ok: is completed by a repeat
ok: a value aside is found
ok: and is no session
ok: it can be read
ok: and deleted once
ok: a server tells about itself
ok: the questions leave no key behind
ok: nor without rights to take things back
ok: what is refused is not known
ok: a missing right is named
ok: a scan is refused
ok: an unknown kind
ok: a place of no server
ok: a place of other sessions
ok: no name
ok: no session is deleted
ok: a state with a line more
ok: a state with a line more that is no text
ok: a state with another form
ok: a label that is not UTF-8
ok: a failure of rustredis_scan() names the server
ok: a failure of rustredis_stored() names the server
ok: a failure of rustredis_store() names the server
ok: a failure of rustredis_forget() names the server
ok: a failure of rustredis_unlock() names the server
ok: a failure of rustredis_lock() names the server
ok: a time that is over
ok: a web server's PHP has them only if the administrator says so
