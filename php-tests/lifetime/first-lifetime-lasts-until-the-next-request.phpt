--TEST--
rustredis.first_lifetime: a new session lives that long until the next request, and 0 means off
--INI--
session.gc_maxlifetime=1000
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

use RustRedis\SessionHandler;

function ttl_is(string $what, int $seconds, string $id): void
{
    $ttl = redis()->ttl(data_key($id));
    ok("$what: $seconds s", $ttl > $seconds - 50 && $ttl <= $seconds, $ttl);
}

function visit(string $id, array $options = []): void
{
    start($id, $options);
    if (!$options) {
        $_SESSION['n'] = ($_SESSION['n'] ?? 0) + 1;
        session_write_close();
    }
}

foreach (['0' => 1000, '200' => 200, '2000' => 1000] as $first => $life) {
    ini_set('rustredis.first_lifetime', (string) $first);
    visit($id = new_id());
    ttl_is("first_lifetime $first", $life, $id);
}
ini_set('rustredis.first_lifetime', '200');
foreach (['changed' => [], 'only read' => ['read_and_close' => true]] as $how => $options) {
    visit($id = new_id());
    visit($id, $options);
    ttl_is("the second request, $how", 1000, $id);
}
start($id = new_id());
session_write_close();
ttl_is('an empty session', 200, $id);
ini_set('rustredis.locking', '0');
visit($id = new_id());
ttl_is('without locking', 200, $id);
visit($id);
ttl_is('and the second request', 1000, $id);
ini_set('rustredis.locking', '1');
foreach ([true, false] as $deletes) {
    $kind = $deletes ? 'deletes' : 'keeps';
    start($id = new_id());
    $_SESSION['n'] = 1;
    session_regenerate_id($deletes);
    $new = session_id();
    session_write_close();
    ttl_is("a new session that changes its id and $kind", 200, $new);
    start($new);
    session_regenerate_id($deletes);
    session_regenerate_id($deletes);
    $newer = session_id();
    session_write_close();
    ttl_is("an old session that changes its id and $kind", 1000, $newer);
    visit($id = new_id());
    ttl_is('the next new session of the process', 200, $id);
}
$handler = new SessionHandler();
$id = new_id();
$handler->read($id);
$handler->write($id, 'a');
$handler->write($id, 'b');
ttl_is('a handler object', 200, $id);
$handler->close();
$handler->read($id);
$handler->write($id, 'b');
ttl_is('that reads it again', 1000, $id);
session_set_save_handler($handler);
start($id = new_id());
$_SESSION['n'] = 1;
session_write_close();
ttl_is("as PHP's handler", 200, $id);
start($id);
session_regenerate_id(true);
$id = session_id();
session_write_close();
ttl_is('which changes the id', 1000, $id);
--EXPECT--
ok: first_lifetime 0: 1000 s
ok: first_lifetime 200: 200 s
ok: first_lifetime 2000: 1000 s
ok: the second request, changed: 1000 s
ok: the second request, only read: 1000 s
ok: an empty session: 200 s
ok: without locking: 200 s
ok: and the second request: 1000 s
ok: a new session that changes its id and deletes: 200 s
ok: an old session that changes its id and deletes: 1000 s
ok: the next new session of the process: 200 s
ok: a new session that changes its id and keeps: 200 s
ok: an old session that changes its id and keeps: 1000 s
ok: the next new session of the process: 200 s
ok: a handler object: 200 s
ok: that reads it again: 1000 s
ok: as PHP's handler: 200 s
ok: which changes the id: 1000 s
