--TEST--
a place on a user's list proves nothing: the session of another user is neither shown nor ended, and leaves the list
--INI--
session.gc_maxlifetime=1800
--FILE--
<?php
require __DIR__ . '/user.inc';

/** Puts a session on a user's list, where a lost command may have left it, $ago ms ago. */
function put_on_list(string $user, string $id, int $ago, string $mark = ''): void
{
    redis()->hset(list_key($user), $id, $mark . (now() - $ago) . '|' . (now() + 3_000_000));
}

[$ada, $bob] = [new_user(), new_user()];
$own = login($ada);
// A login of Ada that is still running may be the reason for a young place: the session is not hers yet.
foreach (['young' => 0, 'old' => 60_000] as $age => $ago) {
    $his = login($bob, label: 'his');
    put_on_list($ada, $his, $ago);
    same("$age: it is not shown", [''], labels($ada));
    put_on_list($ada, $his, $ago);
    same("$age: revoke() does not count it", 0, rustredis_revoke($ada, handle($his)));
    same("$age: Bob's session lives", true, lives($his));
    same("$age: it may stay on the list", $age === 'young', isset(on_list($ada)[$his]));
    put_on_list($ada, $his, $ago, '-');
    $hers = login($ada, 5);
    same("$age: nor does a limit end it", true, lives($his));
    poll('the list', fn () => isset(on_list($ada)[$his]) === ($age === 'young'));
    put_on_list($ada, $his, $ago);
    same("$age: all sessions of the user", 2, rustredis_revoke($ada));
    same("$age: but not his", [false, false, true], [lives($own), lives($hers), lives($his)]);
    same("$age: it is on the list of its user", [$his], array_keys(on_list($bob)));
    same("$age: whose it is", 1, rustredis_revoke($bob));
    redis()->del(list_key($ada));
    $own = login($ada);
}

// The session that PHP has open becomes another user's with its next save.
start($own);
rustredis_user($bob);
same('before the save', 0, rustredis_revoke($ada));
same('it is still open', [[], true], [warnings_of(fn () => session_write_close()), lives($own)]);
same('and Bob has it', [[], [$own]], [on_list($ada), array_keys(on_list($bob))]);

// A session whose user was emptied, or whose login is not stored yet.
redis()->del(list_key($bob));
store_session($plain = new_id(), ['n' => 1]);
put_on_list($ada, $plain, 0);
same('a session without a user ends', [1, false], [rustredis_revoke($ada), lives($plain)]);

// A login was killed a while ago: the visitor's session is nobody's.
$ways = [
    'a revocation' => fn () => rustredis_revoke($ada),
    'one by its handle' => function () use ($ada, &$plain) {
        return rustredis_revoke($ada, handle($plain));
    },
    'a limit of 1' => fn () => login($ada, 1) && 0,
    'a limit of 2' => fn () => login($ada, 2) && login($ada, 2) && 0,
    'a refusal' => fn () => (int) (login($ada, 1, 'refuse') === null),
    'its own revocation' => function () use ($ada, &$plain) {
        start($plain);
        $count = rustredis_revoke($ada);
        session_write_close();
        return $count;
    },
];
foreach (['', '-'] as $mark) {
    foreach ($ways as $way => $do) {
        redis()->del(list_key($ada));
        store_session($plain = new_id(), ['cart' => 1]);
        put_on_list($ada, $plain, 60_000, $mark);
        same("$mark$way: nothing is counted", 0, (int) $do());
        same('the cart is there', 'cart|i:1;', redis()->get(data_key($plain)));
        poll('the list', fn () => !isset(on_list($ada)[$plain]));
    }
}
--EXPECT--
ok: young: it is not shown
ok: young: revoke() does not count it
ok: young: Bob's session lives
ok: young: it may stay on the list
ok: young: nor does a limit end it
ok: young: all sessions of the user
ok: young: but not his
ok: young: it is on the list of its user
ok: young: whose it is
ok: old: it is not shown
ok: old: revoke() does not count it
ok: old: Bob's session lives
ok: old: it may stay on the list
ok: old: nor does a limit end it
ok: old: all sessions of the user
ok: old: but not his
ok: old: it is on the list of its user
ok: old: whose it is
ok: before the save
ok: it is still open
ok: and Bob has it
ok: a session without a user ends
ok: a revocation: nothing is counted
ok: the cart is there
ok: one by its handle: nothing is counted
ok: the cart is there
ok: a limit of 1: nothing is counted
ok: the cart is there
ok: a limit of 2: nothing is counted
ok: the cart is there
ok: a refusal: nothing is counted
ok: the cart is there
ok: its own revocation: nothing is counted
ok: the cart is there
ok: -a revocation: nothing is counted
ok: the cart is there
ok: -one by its handle: nothing is counted
ok: the cart is there
ok: -a limit of 1: nothing is counted
ok: the cart is there
ok: -a limit of 2: nothing is counted
ok: the cart is there
ok: -a refusal: nothing is counted
ok: the cart is there
ok: -its own revocation: nothing is counted
ok: the cart is there
