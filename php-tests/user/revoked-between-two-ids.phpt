--TEST--
a session that changes its id while its user's sessions are ended, or another login ends it, ends under both ids
--FILE--
<?php
require __DIR__ . '/user.inc';

/** Another process comes in after the old id has ended, and before the new one is listed. */
class H extends SessionHandler
{
    public static ?Closure $meanwhile = null;

    public function destroy(string $id): bool
    {
        return $this->then('destroy', parent::destroy($id));
    }

    public function close(): bool
    {
        return $this->then('close', parent::close());
    }

    private function then(string $when, bool $result): bool
    {
        if ($when === $GLOBALS['when'] && self::$meanwhile) {
            [$what, self::$meanwhile] = [self::$meanwhile, null];
            $what();
        }
        return $result;
    }
}

/** Drupal's class writes what has changed only. */
class Compares extends H
{
    private array $read = [];

    public function read(string $id): string|false
    {
        return $this->read[$id] = parent::read($id);
    }

    public function write(string $id, string $data): bool
    {
        return ($this->read[$id] ?? null) === $data || parent::write($id, $data);
    }
}

session_set_save_handler(new H());
$ends = [
    'revoked' => 'rustredis_revoke($argv[1]);',
    'limit' => 'start(new_id()); rustredis_user($argv[1], 1); session_commit();',
];
foreach ([['destroy', true, '1'], ['close', true, '1'], ['close', false, '1'], ['close', true, '0']] as [$when, $delete, $locking]) {
    ini_set('rustredis.locking', $locking);
    foreach ($ends as $reason => $code) {
        $case = "$reason at $when, regenerate_id(" . json_encode($delete) . "), locking $locking";
        $user = new_user();
        $old = login($user);
        start($old);
        H::$meanwhile = fn () => Child::run($code, [$user])->output();
        session_regenerate_id($delete);
        $new = session_id();
        $_SESSION['n'] = 2;
        $got = warnings_of(fn () => session_write_close());
        check_warnings("$case: told", $got, [['another request destroyed it'], 'Failed to write session data using user defined save handler.*'], $new);
        same($case, [false, false, $reason, null], [lives($old), lives($new), reason_of($old), redis()->get(data_key($new))]);
        poll('the list', fn () => !array_intersect(array_keys(on_list($user)), [$old, $new]));
    }
}
// An id that session_regenerate_id(false) leaves as it is: by a class, or without a grace.
foreach ([[new Compares(), '10'], [new H(), '0'], [new Compares(), '0']] as [$class, $grace]) {
    session_set_save_handler($class);
    ini_set('rustredis.regenerate_grace', $grace);
    foreach (['before', 'close', 'after'] as $when) {
        foreach ($ends as $reason => $code) {
            $case = "$reason $when, " . $class::class . ", regenerate_grace=$grace";
            $user = new_user();
            $old = login($user);
            start($old);
            $meanwhile = fn () => Child::run($code, [$user])->output();
            H::$meanwhile = $meanwhile;
            $got = warnings_of(function () use ($when, $meanwhile) {
                $when === 'before' && $meanwhile();
                session_regenerate_id(false);
                $when === 'after' && $meanwhile();
                $_SESSION['n'] = 2;
                session_write_close();
            });
            $new = session_id();
            ok("$case: told", $got !== []);
            same($case, [false, false, $reason], [lives($old), $new !== $old && lives($new), reason_of($old)]);
            poll('the list', fn () => !array_intersect(array_keys(on_list($user)), [$old, $new]));
        }
    }
    $old = login($user = new_user());
    start($old);
    session_regenerate_id(false);
    $_SESSION['n'] = 2;
    session_write_close();
    same('nothing in between: both live, and are on the list', [true, true, 2], [lives($old), lives(session_id()), count(on_list($user))]);
}
session_set_save_handler(new H());
ini_set('rustredis.regenerate_grace', '10');
$user = new_user();
start(login($user));
session_regenerate_id(true);
$_SESSION['n'] = 2;
session_write_close();
poll('the list', fn () => array_keys(on_list($user)) === [session_id()]);
same('nothing in between: it goes on', true, lives(session_id()));
--EXPECT--
ok: revoked at destroy, regenerate_id(true), locking 1: told
ok: revoked at destroy, regenerate_id(true), locking 1
ok: limit at destroy, regenerate_id(true), locking 1: told
ok: limit at destroy, regenerate_id(true), locking 1
ok: revoked at close, regenerate_id(true), locking 1: told
ok: revoked at close, regenerate_id(true), locking 1
ok: limit at close, regenerate_id(true), locking 1: told
ok: limit at close, regenerate_id(true), locking 1
ok: revoked at close, regenerate_id(false), locking 1: told
ok: revoked at close, regenerate_id(false), locking 1
ok: limit at close, regenerate_id(false), locking 1: told
ok: limit at close, regenerate_id(false), locking 1
ok: revoked at close, regenerate_id(true), locking 0: told
ok: revoked at close, regenerate_id(true), locking 0
ok: limit at close, regenerate_id(true), locking 0: told
ok: limit at close, regenerate_id(true), locking 0
ok: revoked before, Compares, regenerate_grace=10: told
ok: revoked before, Compares, regenerate_grace=10
ok: limit before, Compares, regenerate_grace=10: told
ok: limit before, Compares, regenerate_grace=10
ok: revoked close, Compares, regenerate_grace=10: told
ok: revoked close, Compares, regenerate_grace=10
ok: limit close, Compares, regenerate_grace=10: told
ok: limit close, Compares, regenerate_grace=10
ok: revoked after, Compares, regenerate_grace=10: told
ok: revoked after, Compares, regenerate_grace=10
ok: limit after, Compares, regenerate_grace=10: told
ok: limit after, Compares, regenerate_grace=10
ok: nothing in between: both live, and are on the list
ok: revoked before, H, regenerate_grace=0: told
ok: revoked before, H, regenerate_grace=0
ok: limit before, H, regenerate_grace=0: told
ok: limit before, H, regenerate_grace=0
ok: revoked close, H, regenerate_grace=0: told
ok: revoked close, H, regenerate_grace=0
ok: limit close, H, regenerate_grace=0: told
ok: limit close, H, regenerate_grace=0
ok: revoked after, H, regenerate_grace=0: told
ok: revoked after, H, regenerate_grace=0
ok: limit after, H, regenerate_grace=0: told
ok: limit after, H, regenerate_grace=0
ok: nothing in between: both live, and are on the list
ok: revoked before, Compares, regenerate_grace=0: told
ok: revoked before, Compares, regenerate_grace=0
ok: limit before, Compares, regenerate_grace=0: told
ok: limit before, Compares, regenerate_grace=0
ok: revoked close, Compares, regenerate_grace=0: told
ok: revoked close, Compares, regenerate_grace=0
ok: limit close, Compares, regenerate_grace=0: told
ok: limit close, Compares, regenerate_grace=0
ok: revoked after, Compares, regenerate_grace=0: told
ok: revoked after, Compares, regenerate_grace=0
ok: limit after, Compares, regenerate_grace=0: told
ok: limit after, Compares, regenerate_grace=0
ok: nothing in between: both live, and are on the list
ok: nothing in between: it goes on