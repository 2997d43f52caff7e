--TEST--
a login that is not saved is neither shown nor counted, and it ends no session
--INI--
session.gc_maxlifetime=1800
rustredis.max_value_size=1000
--FILE--
<?php
require __DIR__ . '/user.inc';

/** Has an anonymous session, and returns its id. */
function visitor(): string
{
    start($id = new_id());
    $_SESSION['cart'] = 1;
    session_write_close();
    return $id;
}

/** The time of a place on a list is so many seconds ago. */
function age(string $user, string $id, int $seconds): void
{
    redis()->hset(list_key($user), $id, sprintf('%d|%d', now() - $seconds * 1000, now() + 3_600_000));
}

$ways = [
    'session_abort()' => session_abort(...),
    'a write that is refused' => function () {
        $_SESSION['large'] = str_repeat('x', 2000);
        warnings_of(fn () => session_write_close());
    },
    'a second user' => function () {
        rustredis_user(new_user());
        session_abort();
    },
];
foreach ($ways as $way => $end) {
    foreach (['a visitor' => visitor(...), 'a new session' => new_id(...)] as $who => $make) {
        $user = new_user();
        $other = login($user);
        start($id = $make());
        same("$way, $who: bound", true, rustredis_user($user, 2));
        $end();
        poll("$way, $who", fn () => array_keys(on_list($user)) === [$other]);
        same("$way, $who: the session stays as it was", $who === 'a visitor', lives($id));
        $second = login($user, 2, 'refuse');
        same("$way, $who: there is a place left", [true, true], [is_string($second), lives($other)]);
    }
}

// A session whose user logs in again, in vain, stays on the list.
$id = login($user = new_user());
start($id);
rustredis_user($user);
session_abort();
labels($user);
same('the same user again', [$id], array_keys(on_list($user)));
start($id);
rustredis_user($another = new_user());
rustredis_user(new_user());
session_write_close();
same('three users in a request', [[], []], [array_keys(on_list($user)), array_keys(on_list($another))]);

// The process of the login was killed: its place stays.
$user = new_user();
[$a, $visitor] = [login($user, 0, 'oldest', 'a'), visitor()];
age($user, $a, 100);
age($user, $visitor, 0);
same('a login that may be running', ['a'], labels($user));
same('is left on the list', 2, count(on_list($user)));
same('and counts', null, login($user, 2, 'refuse'));
age($user, $visitor, 11);
$b = login($user, 2, 'oldest', 'b');
same('one that came to nothing does not end a session', [true, true], [lives($a), lives($visitor)]);
same('nor stays', true, !array_key_exists($visitor, on_list($user)));
age($user, $visitor, 11);
same('nor is it shown', ['a', 'b'], labels($user));
poll('it is off the list', fn () => count(on_list($user)) === 2);
age($user, $visitor, 11);
$users = rustredis_revoke($user) >= 2;
same('all end', [true, false, false, []], [$users, lives($a), lives($b), array_keys(on_list($user))]);

// A reader that has seen the place of before does not take away that of a login since.
start($visitor = visitor());
rustredis_user($user);
$value = on_list($user)[$visitor];
redis()->hset(list_key($user), $visitor, (int) $value + 1 . strstr($value, '|'));
session_abort();
labels($user);
same('a place of another request stays', [$visitor], array_keys(on_list($user)));
--EXPECT--
ok: session_abort(), a visitor: bound
ok: session_abort(), a visitor: the session stays as it was
ok: session_abort(), a visitor: there is a place left
ok: session_abort(), a new session: bound
ok: session_abort(), a new session: the session stays as it was
ok: session_abort(), a new session: there is a place left
ok: a write that is refused, a visitor: bound
ok: a write that is refused, a visitor: the session stays as it was
ok: a write that is refused, a visitor: there is a place left
ok: a write that is refused, a new session: bound
ok: a write that is refused, a new session: the session stays as it was
ok: a write that is refused, a new session: there is a place left
ok: a second user, a visitor: bound
ok: a second user, a visitor: the session stays as it was
ok: a second user, a visitor: there is a place left
ok: a second user, a new session: bound
ok: a second user, a new session: the session stays as it was
ok: a second user, a new session: there is a place left
ok: the same user again
ok: three users in a request
ok: a login that may be running
ok: is left on the list
ok: and counts
ok: one that came to nothing does not end a session
ok: nor stays
ok: nor is it shown
ok: all end
ok: a place of another request stays
