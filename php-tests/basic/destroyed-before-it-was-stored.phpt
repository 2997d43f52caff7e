--TEST--
a new session that is destroyed in its first request leaves nothing in Redis
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$left = fn (string $id) => array_filter(
    [data_key($id), ...array_map(fn ($what) => side_key($id, $what), ['LOCK', 'WAKE', 'WAITERS', 'STATE'])],
    fn ($key) => redis()->exists($key)
);
foreach (['1', '0'] as $locking) {
    ini_set('rustredis.locking', $locking);
    foreach ([1, 2, 3] as $n) {
        $id = new_id();
        start($id);
        $_SESSION['n'] = 1;
        same("locking=$locking, session $n: it is destroyed", true, session_destroy());
        same('and nothing is left', [], $left($id));
    }
}
ini_set('rustredis.locking', '1');
$id = new_id();
start($id);
session_regenerate_id(true);
session_write_close();
same('nor is under the first id of one that moved', [], $left($id));
store_session($id, ['n' => 1]);
start($id);
session_destroy();
same('a stored one leaves the mark of its end', [side_key($id, 'STATE')], array_values($left($id)));
--EXPECT--
ok: locking=1, session 1: it is destroyed
ok: and nothing is left
ok: locking=1, session 2: it is destroyed
ok: and nothing is left
ok: locking=1, session 3: it is destroyed
ok: and nothing is left
ok: locking=0, session 1: it is destroyed
ok: and nothing is left
ok: locking=0, session 2: it is destroyed
ok: and nothing is left
ok: locking=0, session 3: it is destroyed
ok: and nothing is left
ok: nor is under the first id of one that moved
ok: a stored one leaves the mark of its end
