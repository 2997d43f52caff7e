--TEST--
a script reaches only the sessions of its own session's user; the CLI, and every script with rustredis.admin=1, those of all
--FILE--
<?php
require __DIR__ . '/user.inc';

[$user, $other] = [new_user(), new_user()];
$id = login($user, 0, 'oldest', 'mine');
$theirs = login($other, 0, 'oldest', 'theirs');
$script = 'require "' . __DIR__ . '/user.inc";
    ini_set("session.use_cookies", 0);
    [$id, $user, $other] = json_decode(getenv("ARGUMENTS"));
    $tell = function ($what) { try { echo json_encode($what()), "\n"; } catch (Throwable $e) { echo $e::class, ": ", $e->getMessage(), "\n"; } };
    $tell(fn () => rustredis_user_sessions());
    $tell(fn () => rustredis_user_sessions($user));
    $tell(fn () => rustredis_revoke($user, "none"));
    start($id);
    $tell(fn () => labels());
    $tell(fn () => labels($user));
    $tell(fn () => rustredis_revoke($user, "none"));
    $tell(fn () => labels($other));
    $tell(fn () => rustredis_revoke($other, "none"));
    $tell(fn () => ini_set("rustredis.admin", "1"));
    $tell(fn () => rustredis_revoke($other, "none"));';
$none = 'RustRedis\SessionException: rustredis: no session is open whose user could be meant';
$refused = "RustRedis\SessionException: rustredis: a script may reach only the sessions of its own session's user; for "
    . 'those of others, set rustredis.admin=1 in php.ini, or use the CLI';
$run = fn (string $admin) => explode("\n", trim((new CgiRequest($script, ['rustredis.admin' => $admin],
    ['ARGUMENTS' => json_encode([$id, $user, $other])]))->answer()->body));
same('a script', [$none, $refused, $refused, '["mine"]', '["mine"]', '0', $refused, $refused, 'false', $refused], $run('0'));
same('with rustredis.admin=1', [$none, '[{', '0', '["mine"]', '["mine"]', '0', '["theirs"]', '0', 'false', '0'],
    array_map(fn (string $line) => str_starts_with($line, '[{') ? '[{' : $line, $run('1')));
same('the CLI', [['theirs'], 1], [labels($other), rustredis_revoke($other)]);
same('has ended it', false, lives($theirs));
same('but needs a user', $none, thrown(fn () => rustredis_revoke()));
same('no session is open', 'RustRedis\SessionException: rustredis: the session gets no user: no session is open that will be saved',
    thrown(fn () => rustredis_user($user)));
// As docs/security.md advises for servers that run in the CLI.
preg_match('/disable_functions=([a-z_,]+)/', file_get_contents(getenv('RUSTREDIS_ROOT') . '/docs/security.md'), $found);
$left = Child::plain('echo implode(",", get_extension_funcs("phpsess_rs"));', [], ['disable_functions' => $found[1]])->output();
$off = array_diff(get_extension_funcs('phpsess_rs'), explode(',', $left));
same('what such a server switches off', [], array_merge(array_diff($off, explode(',', $found[1])), array_diff(explode(',', $found[1]), $off)));
start($id, ['read_and_close' => true]);
ok('one that is only read', str_contains(thrown(fn () => rustredis_user($user)), 'no session is open'));
start($id);
foreach ([[''], ['u', -1], ['u', 1, 'newest'], ['u', 1, 'oldest', str_repeat('x', 513)]] as $arguments) {
    ok(thrown(fn () => rustredis_user(...$arguments)), true);
}
same('a long label', true, rustredis_user($user, 0, 'oldest', str_repeat('x', 512)));
same('is there', 512, strlen(labels()[0]));
same('a label of many kinds', true, rustredis_user($user, 0, 'oldest', "a|b\nc\0\xff"));
session_write_close();
same('is one line of UTF-8', ["a|b c \u{fffd}"], labels($user));
--EXPECT--
ok: a script
ok: with rustredis.admin=1
ok: the CLI
ok: has ended it
ok: but needs a user
ok: no session is open
ok: what such a server switches off
ok: one that is only read
ok: ValueError: rustredis_user(): Argument #1 ($user) must not be empty
ok: ValueError: rustredis_user(): Argument #2 ($limit) must be greater than or equal to 0
ok: ValueError: rustredis_user(): Argument #3 ($on_limit) must be "oldest" or "refuse"
ok: ValueError: rustredis_user(): Argument #4 ($label) must have at most 512 bytes
ok: a long label
ok: is there
ok: a label of many kinds
ok: is one line of UTF-8