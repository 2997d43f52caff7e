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
ok: nothing in between: it goes on
