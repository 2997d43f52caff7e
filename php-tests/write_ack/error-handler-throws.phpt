--TEST--
write_ack=deferred: a late refusal is logged and stops no other session, also with an error handler that throws
--INI--
rustredis.write_ack=deferred
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

ini_set('error_log', $log = temp_file(''));
$id = new_id();
store_session($id, ['n' => 1]);
start($id);
$_SESSION['n'] = 2;
redis()->del(lock_key($id));
session_write_close();
set_error_handler(function (int $level, string $message) {
    throw new ErrorException($message);
});
same('the next session starts', true, start($other = new_id()));
session_abort();
ok('the log has it', preg_match('/PHP Warning:  rustredis: session ' . substr($id, 0, 6) . '\.\.\. at .* lost its lock/', file_get_contents($log)) === 1, file_get_contents($log));
same('the session starts', true, start($id));
same('as it was stored', 1, $_SESSION['n']);
$_SESSION['n']++;
session_write_close();
same('and is written', 2, start($id) ? $_SESSION['n'] : null);
--EXPECT--
ok: the next session starts
ok: the log has it
ok: the session starts
ok: as it was stored
ok: and is written
