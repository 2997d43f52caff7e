--TEST--
after the clock of Redis was set back, the place of a session that is gone is not that of a login under way
--FILE--
<?php
require __DIR__ . '/user.inc';

foreach ([-60_000 => true, -5_000 => false, 5_000 => false, 60_000 => true, 3_600_000 => true] as $ahead => $free) {
    $at = now() + $ahead;
    redis()->hset(list_key($user = new_user()), $gone = new_id(), $at . '|' . ($at + 3_600_000));
    same("$ahead ms", $free, login($user, 1, 'refuse') !== null);
    same('and on the list', !$free, isset(on_list($user)[$gone]));
}
--EXPECT--
ok: -60000 ms
ok: and on the list
ok: -5000 ms
ok: and on the list
ok: 5000 ms
ok: and on the list
ok: 60000 ms
ok: and on the list
ok: 3600000 ms
ok: and on the list
