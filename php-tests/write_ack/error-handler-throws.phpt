--TEST--
write_ack=deferred: an error handler that throws at a late warning stops the start it came with, and nothing else
--INI--
rustredis.write_ack=deferred
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
start($id);
$_SESSION['n'] = 2;
redis()->del(lock_key($id));
session_write_close();
set_error_handler(function (int $level, string $message) {
    throw new ErrorException($message);
});
try {
    start(new_id());
    echo "NOT OK: no exception\n";
} catch (ErrorException $exception) {
    ok('the handler got the warning', str_contains($exception->getMessage(), 'lost its lock'), $exception->getMessage());
}
restore_error_handler();
session_abort();
same('the session starts', true, start($id));
same('as it was stored', 1, $_SESSION['n']);
$_SESSION['n']++;
session_write_close();
same('and is written', 2, start($id) ? $_SESSION['n'] : null);
--EXPECT--
ok: the handler got the warning
ok: the session starts
ok: as it was stored
ok: and is written
