--TEST--
who waits in vain, who lost the lock and who looks at the status is told of the holder, but of no token and no whole id
--INI--
rustredis.lock_wait=0
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

/** The random part of a token. */
function random_part(string $value): string
{
    return preg_match('/^o:([0-9a-f]{32}):/', $value, $match) ? $match[1] : "no token: $value";
}

/** Whether it tells of a session's holder, and neither how to be the holder nor how to be the user. */
function is_discreet(string $text, string $id, string $token): bool
{
    return str_contains($text, substr($id, 0, 6) . '...') && !str_contains($text, $id) && !str_contains($text, $token);
}

$id = new_id();
$foreign = foreign_token();
redis()->set(lock_key($id), $foreign, 'PX', 60000);
$waited = implode("\n", warnings_of(fn () => start($id)));
ok('the holder is named', str_contains($waited, 'other-host'), $waited);
ok('to those who wait', is_discreet($waited, $id, random_part($foreign)), $waited);
redis()->del(lock_key($id));

start($id);
$own = random_part(redis()->get(lock_key($id)));
ob_start();
print_r(rustredis_status());
(new ReflectionExtension('phpsess_rs'))->info();
$shown = ob_get_clean();
ok('in the status', is_discreet($shown, $id, $own), $shown);

redis()->set(lock_key($id), $foreign, 'PX', 60000);
$_SESSION['n'] = 1;
$lost = implode("\n", warnings_of(fn () => session_write_close()));
ok('to those who lost the lock', is_discreet($lost, $id, random_part($foreign)) && !str_contains($lost, $own), $lost);
--EXPECT--
ok: the holder is named
ok: to those who wait
ok: in the status
ok: to those who lost the lock
