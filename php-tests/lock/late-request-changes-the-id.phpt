--TEST--
a late request that changes the id goes on with the copy as the same session, with its lifetimes, and not after a logout; the copy of a user's session becomes no second one
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

ini_set('session.use_strict_mode', '1');
ini_set('rustredis.absolute_timeout', '1000');
$facts = fn (): array => array_diff_key(rustredis_session(), ['expires' => 0]);
$copy = fn (string $id) => redis()->get(side_key($id, 'OLD'));
/** A session that was created a while ago, perhaps of a user, under its old id and its new one. */
$moved = function (bool $has_user = false) use ($facts, &$before): array {
    start($old = new_id(), ['use_strict_mode' => 0]);
    $_SESSION['n'] = 7;
    $has_user && rustredis_user("anna's", label: 'a | phone');
    session_write_close();
    $state = explode('|', redis()->get(side_key($old, 'STATE')));
    foreach ([1, 2, 4] as $time) {
        $state[$time] = $state[$time] === '' ? '' : (int) $state[$time] - 500_000;
    }
    redis()->set(side_key($old, 'STATE'), implode('|', $state), 'PX', 1_000_000);
    start($old);
    $before = $facts();
    session_regenerate_id(true);
    session_write_close();
    return [$old, session_id()];
};
$stop = fn () => rustredis_revoke("anna's");
$logout = function () use (&$new): void {
    (new RustRedis\SessionHandler())->destroy($new);
};
$handles = fn (): int => count(rustredis_user_sessions("anna's"));
foreach (['1', '0'] as $locking) {
    ini_set('rustredis.locking', $locking);
    foreach ([true, false] as $delete) {
        [$old, $new] = $moved();
        start($old);
        same("locking=$locking, regenerate_id(" . json_encode($delete) . '): what the copy is', $before, $facts());
        same('it moves', [true, []], [session_regenerate_id($delete), warnings_of(fn () => session_write_close())]);
        $late = session_id();
        start($late);
        same('and is the same session', [$before, ['n' => 7]], [$facts(), $_SESSION]);
        session_write_close();
        ok('that ends when it would have', redis()->ttl(data_key($late)) <= 500);

        [$old, $new] = $moved();
        start($old);
        session_regenerate_id($delete);
        session_destroy();
        same('its logout ends the copy', null, $copy($old));

        $cases = [
            'after a logout' => [false, $logout, 'has ended since', 0],
            'with a user' => [true, fn () => null, 'no second session', 1],
            'after a revocation' => [true, $stop, 'no second session', 0],
        ];
        foreach ($cases as $what => [$has_user, $end, $why, $left]) {
            [$old, $new] = $moved($has_user);
            start($old);
            same("$what: what the copy is", $before, $facts());
            $end();
            $moves = false;
            $got = warnings_of(function () use ($delete, &$moves) {
                $moves = session_regenerate_id($delete);
            });
            same('it does not move', [false, $old], [$moves, session_id()]);
            ok('and is told why', str_contains(implode($got), $why), $got);
            session_write_close();
            same('nothing is stored', [null, $left], [redis()->get(data_key($old)), $handles()]);
            $stop();
        }

        [$old, $new] = $moved(true);
        start($old);
        $_SESSION = [];
        session_regenerate_id($delete);
        $_SESSION['other'] = 1;
        session_write_close();
        start(session_id());
        same('without its values it is nobody\'s', null, rustredis_session()['user']);
        session_write_close();
        $stop();
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
    foreach ([true, false] as $delete) {
        [, $id] = $moved(true);
        start($id);
        $class->then = fn () => redis()->set(side_key($id, 'STATE'), 'dead|revoked|' . time() . '000|x', 'PX', 300000);
        session_regenerate_id($delete);
        $got = warnings_of(fn () => session_write_close());
        check_warnings("locking=$locking, regenerate_id(" . json_encode($delete) . '): ended on its way to the new id', $got, [['destroyed it'], 'Failed to write session data'], session_id());
        same('it is not stored', [null, 0, false], [redis()->get(data_key(session_id())), $handles(), is_locked(session_id())]);
    }
}
--EXPECT--
ok: locking=1, regenerate_id(true): what the copy is
ok: it moves
ok: and is the same session
ok: that ends when it would have
ok: its logout ends the copy
ok: after a logout: what the copy is
ok: it does not move
ok: and is told why
ok: nothing is stored
ok: with a user: what the copy is
ok: it does not move
ok: and is told why
ok: nothing is stored
ok: after a revocation: what the copy is
ok: it does not move
ok: and is told why
ok: nothing is stored
ok: without its values it is nobody's
ok: locking=1, regenerate_id(false): what the copy is
ok: it moves
ok: and is the same session
ok: that ends when it would have
ok: its logout ends the copy
ok: after a logout: what the copy is
ok: it does not move
ok: and is told why
ok: nothing is stored
ok: with a user: what the copy is
ok: it does not move
ok: and is told why
ok: nothing is stored
ok: after a revocation: what the copy is
ok: it does not move
ok: and is told why
ok: nothing is stored
ok: without its values it is nobody's
ok: locking=0, regenerate_id(true): what the copy is
ok: it moves
ok: and is the same session
ok: that ends when it would have
ok: its logout ends the copy
ok: after a logout: what the copy is
ok: it does not move
ok: and is told why
ok: nothing is stored
ok: with a user: what the copy is
ok: it does not move
ok: and is told why
ok: nothing is stored
ok: after a revocation: what the copy is
ok: it does not move
ok: and is told why
ok: nothing is stored
ok: without its values it is nobody's
ok: locking=0, regenerate_id(false): what the copy is
ok: it moves
ok: and is the same session
ok: that ends when it would have
ok: its logout ends the copy
ok: after a logout: what the copy is
ok: it does not move
ok: and is told why
ok: nothing is stored
ok: with a user: what the copy is
ok: it does not move
ok: and is told why
ok: nothing is stored
ok: after a revocation: what the copy is
ok: it does not move
ok: and is told why
ok: nothing is stored
ok: without its values it is nobody's
ok: locking=1, regenerate_id(true): ended on its way to the new id
ok: it is not stored
ok: locking=1, regenerate_id(false): ended on its way to the new id
ok: it is not stored
ok: locking=0, regenerate_id(true): ended on its way to the new id
ok: it is not stored
ok: locking=0, regenerate_id(false): ended on its way to the new id
ok: it is not stored