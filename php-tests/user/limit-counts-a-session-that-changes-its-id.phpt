--TEST--
a login does not pass the limit because a session of the user is between two ids
--FILE--
<?php
require __DIR__ . '/user.inc';

/** Moves a session, and puts the list back to the time before it had the new id. */
function moved(string $user, string $id): array
{
    [$bumped, $ends] = explode('|', on_list($user)[$id]);
    $place = $bumped - 5000 . "|$ends";
    start($id);
    session_regenerate_id(true);
    $_SESSION['n'] = 2;
    session_write_close();
    $new = session_id();
    poll('the list has the new id', fn () => array_keys(on_list($user)) !== [$id] && !isset(on_list($user)[$id]));
    $value = on_list($user)[$new];
    redis()->hdel(list_key($user), $new);
    redis()->hset(list_key($user), $id, $place);
    return [$new, $value];
}

foreach ([1, 2] as $limit) {
    $user = new_user();
    $id = login($user);
    $others = array_map(fn () => login($user), $limit > 1 ? range(2, $limit) : []);
    [$new, $value] = moved($user, $id);
    same("a limit of $limit refuses", null, login($user, $limit, 'refuse'));
    same('the place stays', true, isset(on_list($user)[$id]));

    // The session that moves has not been used for the longest time: its request looks at the old id.
    $latest = login($user, $limit);
    same('the oldest ends', ['limit', true], [reason_of($id), lives($latest)]);
    same('the others live', [], array_filter($others, fn (string $other) => !lives($other)));
    redis()->hset(list_key($user), $new, $value);
    $user = new_user();
    $id = login($user);
    moved($user, $id);
    redis()->hset(list_key($user), $new, time() . '000|' . (time() + 1000) . "000|$id");
    same('once the new id is listed, the old one does not count', true, is_string(login($user, 2, 'refuse')));
}
--EXPECT--
ok: a limit of 1 refuses
ok: the place stays
ok: the oldest ends
ok: the others live
ok: once the new id is listed, the old one does not count
ok: a limit of 2 refuses
ok: the place stays
ok: the oldest ends
ok: the others live
ok: once the new id is listed, the old one does not count
