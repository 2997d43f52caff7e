--TEST--
a logout under the old id of a session ends the copy and, with a user, the session; if it cannot, it fails and says so
--FILE--
<?php
require __DIR__ . '/user.inc';

/** A login under an id of its own, which strict mode would not take. */
function login_as(string $user): string
{
    ini_set('session.use_strict_mode', '0');
    $id = login($user);
    ini_set('session.use_strict_mode', '1');
    return $id;
}

ini_set('session.use_strict_mode', '1');
$copy = fn (string $id) => redis()->exists(side_key($id, 'OLD'));
/** A session, perhaps of a user, that has moved so many times: its ids. */
$moved = function (?string $user, int $times = 1, bool $delete = true): array {
    $user === null ? store_session($ids[] = new_id(), ['n' => 1]) : $ids[] = login_as($user);
    while (count($ids) <= $times) {
        start(end($ids));
        session_regenerate_id($delete);
        $ids[] = session_id();
        session_write_close();
    }
    return $ids;
};
/** Logs out: what session_destroy() returns, and its warnings. */
$logout = function () use (&$got): bool {
    $done = false;
    $got = warnings_of(function () use (&$done) {
        $done = session_destroy();
    });
    return $done;
};
$goes_on = function (string $what, string $id) use (&$got): void {
    $expected = [['was not destroyed', 'may go on under the new id'], 'Session object destruction failed'];
    check_warnings($what, $got, $expected, $id);
};
foreach (['1', '0'] as $locking) {
    foreach ([true, false] as $delete) {
        ini_set('rustredis.locking', $locking);
        $kind = "locking=$locking, regenerate_id(" . json_encode($delete) . ')';
        [$old, $new] = $moved($user = new_user(), 1, $delete);
        $other = login_as($user);
        start($old);
        same("$kind: a logout", [true, []], [$logout(), $got]);
        same('ends the session and its copy', [false, 'logout', 0], [lives($new), reason_of($new), $copy($old)]);
        poll('the list', fn () => array_keys(on_list($user)) === [$other]);
        same('and no other session', true, lives($other));
        start($old);
        same('a request behind it sees nothing, under the old id', [$old, []], [session_id(), $_SESSION]);
        session_abort();

        [$old, $new] = $moved($user = new_user(), 1, $delete);
        start($old);
        // The session moves once more while this request runs.
        $last = Child::run('start($argv[1]); session_regenerate_id(true); session_write_close(); echo session_id();', [$new])->output();
        same('after a second move', [true, []], [$logout(), $got]);
        same('it is the session, too', [false, 'logout', []], [lives($last), reason_of($last), rustredis_user_sessions($user)]);

        [$old, $new] = $moved(null, 1, $delete);
        start($old);
        same('without a user', false, $logout());
        $goes_on('it says so', $old);
        same('the copy has ended', [true, 0], [lives($new), $copy($old)]);

        [$old, $new] = $moved($user = new_user(), 1, $delete);
        start($old);
        redis()->del(list_key($user));
        same('without the list', false, $logout());
        $goes_on('it says so', $old);
        same('the copy has ended', [true, 0], [lives($new), $copy($old)]);

        [$old, $new] = $moved($user = new_user(), 1, $delete);
        start($new);
        rustredis_user($next = new_user());
        session_write_close();
        start($old);
        same('with another user by now', false, $logout());
        same('it goes on', [true, 0, [$new]], [lives($new), $copy($old), array_keys(on_list($next))]);

        if ($delete) {
            ini_set('rustredis.regenerate_grace', '0');
            [$old, $new] = $moved($user = new_user());
            start($old);
            same('without a copy the user is not known', false, $logout());
            $goes_on('it says so', $old);
            same('it goes on', true, lives($new));
            ini_set('rustredis.regenerate_grace', '10');
        }

        [$old, $new] = $moved($user = new_user(), 1, $delete);
        start($old);
        $_SESSION = [];
        session_regenerate_id(true);
        session_write_close();
        same('a logout by an emptied session', [false, 'logout', 0], [lives($new), reason_of($new), $copy($old)]);
    }
}

/** A request that changes the id and is saved when it is told to: its process and the old id. */
$moving = function (string $user, string $more = '') use (&$old): Child {
    $old = login_as($user);
    $code = 'start($argv[1]); session_regenerate_id(true); ' . $more . ' say(session_id()); hear();'
        . ' echo implode(warnings_of(fn () => session_write_close()));';
    return Child::run($code, [$old, $user], ['rustredis.locking' => ini_get('rustredis.locking')]);
};
foreach (['1', '0'] as $locking) {
    ini_set('rustredis.locking', $locking);
    foreach (['' => 'a move', 'rustredis_user($argv[2]);' => 'a login'] as $more => $what) {
        $child = $moving($user = new_user(), $more);
        $new = $child->line();
        start($old);
        same("locking=$locking, beside $what that is not saved yet: a logout", [true, []], [$logout(), $got]);
        $child->tell('go');
        ok('the session is not stored', str_contains($child->output(), 'destroyed it'));
        same('under no id', [false, false, [], 0], [lives($old), lives($new), rustredis_user_sessions($user), $copy($old)]);
    }
}

/** Runs code between the end of the session under its old id and its beginning under the new one. */
class Slow extends SessionHandler
{
    public ?Closure $then = null;

    public function close(): bool
    {
        $closed = parent::close();
        [$then, $this->then] = [$this->then, null];
        $then && $then();
        return $closed;
    }
}
$class = new Slow();
session_set_save_handler($class);
foreach (['1', '0'] as $locking) {
    ini_set('rustredis.locking', $locking);
    $old = login_as($user = new_user());
    start($old);
    $class->then = function () use ($old, &$said) {
        $ini = ['session.use_strict_mode' => 1, 'rustredis.locking' => ini_get('rustredis.locking')];
        $said = Child::run('start($argv[1]); echo json_encode(session_destroy());', [$old], $ini)->output();
    };
    session_regenerate_id(true);
    warnings_of(fn () => session_write_close());
    same("locking=$locking, before its new id is known: a logout", 'true', $said);
    same('the session is not stored', [false, []], [lives(session_id()), rustredis_user_sessions($user)]);
}
--EXPECT--
ok: locking=1, regenerate_id(true): a logout
ok: ends the session and its copy
ok: and no other session
ok: a request behind it sees nothing, under the old id
ok: after a second move
ok: it is the session, too
ok: without a user
ok: it says so
ok: the copy has ended
ok: without the list
ok: it says so
ok: the copy has ended
ok: with another user by now
ok: it goes on
ok: without a copy the user is not known
ok: it says so
ok: it goes on
ok: a logout by an emptied session
ok: locking=1, regenerate_id(false): a logout
ok: ends the session and its copy
ok: and no other session
ok: a request behind it sees nothing, under the old id
ok: after a second move
ok: it is the session, too
ok: without a user
ok: it says so
ok: the copy has ended
ok: without the list
ok: it says so
ok: the copy has ended
ok: with another user by now
ok: it goes on
ok: a logout by an emptied session
ok: locking=0, regenerate_id(true): a logout
ok: ends the session and its copy
ok: and no other session
ok: a request behind it sees nothing, under the old id
ok: after a second move
ok: it is the session, too
ok: without a user
ok: it says so
ok: the copy has ended
ok: without the list
ok: it says so
ok: the copy has ended
ok: with another user by now
ok: it goes on
ok: without a copy the user is not known
ok: it says so
ok: it goes on
ok: a logout by an emptied session
ok: locking=0, regenerate_id(false): a logout
ok: ends the session and its copy
ok: and no other session
ok: a request behind it sees nothing, under the old id
ok: after a second move
ok: it is the session, too
ok: without a user
ok: it says so
ok: the copy has ended
ok: without the list
ok: it says so
ok: the copy has ended
ok: with another user by now
ok: it goes on
ok: a logout by an emptied session
ok: locking=1, beside a move that is not saved yet: a logout
ok: the session is not stored
ok: under no id
ok: locking=1, beside a login that is not saved yet: a logout
ok: the session is not stored
ok: under no id
ok: locking=0, beside a move that is not saved yet: a logout
ok: the session is not stored
ok: under no id
ok: locking=0, beside a login that is not saved yet: a logout
ok: the session is not stored
ok: under no id
ok: locking=1, before its new id is known: a logout
ok: the session is not stored
ok: locking=0, before its new id is known: a logout
ok: the session is not stored
