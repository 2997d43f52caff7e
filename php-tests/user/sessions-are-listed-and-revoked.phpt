--TEST--
rustredis_user(), rustredis_user_sessions() and rustredis_revoke(): a user's sessions are listed and ended
--INI--
session.gc_maxlifetime=1800
--FILE--
<?php
require __DIR__ . '/user.inc';

$user = new_user();
foreach (['phone', 'laptop', 'Tablet|1'] as $label) {
    $ids[] = login($user, 0, 'oldest', $label);
}
[$phone, $laptop, $tablet] = $ids;
sort($ids, SORT_STRING);
same('they are on the list', $ids, array_keys(on_list($user)));
ok('which has a TTL', abs(redis()->ttl(list_key($user)) - 3600) < 60, redis()->ttl(list_key($user)));
same('the state names the list', list_name($user), state($phone)['user']);
same('and has the label', 'Tablet|1', state($tablet)['label']);
ok('and the login', near(now(), state($phone)['auth']), state($phone));
same('an idle lifetime for all pages', '1800', state($phone)['idle']);
start($tablet);
same('the user of the session', list_name($user), rustredis_session()['user']);
$sessions = rustredis_user_sessions();
same('as many are listed', 3, count($sessions));
$first = $sessions[0];
same('the own one first', [true, handle($tablet), 'Tablet|1'], [$first['current'], $first['handle'], $first['label']]);
same('the members', ['handle', 'created', 'authenticated', 'last_used', 'expires', 'label', 'current'], array_keys($first));
foreach ($sessions as $session) {
    foreach (['created' => 0, 'authenticated' => 0, 'last_used' => 0, 'expires' => 1800] as $time => $later) {
        if (abs(time() + $later - $session[$time]) > 60) {
            echo "NOT OK: $time: ", excerpt($session), "\n";
        }
    }
}
same('all labels', ['Tablet|1', 'laptop', 'phone'], labels());
ok('no id is told', !str_contains(serialize($sessions), $phone) && !str_contains(serialize($sessions), $tablet));
same('one is ended by its handle', 1, rustredis_revoke(handle: handle($laptop)));
same('it is gone', [false, 'revoked'], [lives($laptop), reason_of($laptop)]);
same('the list knows', ['Tablet|1', 'phone'], labels());
same('an unknown handle', 0, rustredis_revoke(handle: 'none'));
same('all others', 1, rustredis_revoke(others_only: true));
same('this one stays', [false, true], [lives($phone), lives($tablet)]);
$_SESSION['n'] = 1;
same('and is saved', [true, true], [session_write_close(), str_contains(redis()->get(data_key($tablet)), 'n|i:1;')]);
start($phone);
same('the reason is told', 'revoked', rustredis_ended());
session_abort();

start($other = login($user));
same('all of them', 2, rustredis_revoke());
same('are gone', [false, false, []], [lives($tablet), lives($other), on_list($user)]);
$_SESSION['n'] = 2;
$warnings = warnings_of(fn () => session_write_close());
same('the own one is not saved again', [false, 1], [lives($other), count(preg_grep('/this request has ended it, with rustredis_revoke\(\)/', $warnings))]);

start(login($user));
same('by the user', 1, rustredis_revoke($user));
session_destroy();
same('with none left', 0, rustredis_revoke($user));

start($id = new_id());
same('a session without a user', [[], 0, false], [rustredis_user_sessions(), rustredis_revoke(), rustredis_user_sessions($user) !== []]);
session_abort();
$id = login($user);
start($id);
session_destroy();
same('a logout', [[], false], [on_list($user), lives($id)]);
$id = login($user);
start($id);
session_regenerate_id(true);
$new = session_id();
session_write_close();
same('another id takes its place', [$new], array_keys(on_list($user)));
same('with the user', list_name($user), state($new)['user']);
start($new);
rustredis_user($other_user = new_user());
session_write_close();
same('another user takes the session', [[], [$new]], [on_list($user), array_keys(on_list($other_user))]);
rustredis_revoke($other_user);
same('for it, too', false, lives($new));
--EXPECT--
ok: they are on the list
ok: which has a TTL
ok: the state names the list
ok: and has the label
ok: and the login
ok: an idle lifetime for all pages
ok: the user of the session
ok: as many are listed
ok: the own one first
ok: the members
ok: all labels
ok: no id is told
ok: one is ended by its handle
ok: it is gone
ok: the list knows
ok: an unknown handle
ok: all others
ok: this one stays
ok: and is saved
ok: the reason is told
ok: all of them
ok: are gone
ok: the own one is not saved again
ok: by the user
ok: with none left
ok: a session without a user
ok: a logout
ok: another id takes its place
ok: with the user
ok: another user takes the session
ok: for it, too
