--TEST--
an object of the session before that closes the next one as it ends: what is stored there stays
--SKIPIF--
<?php
PHP_DEBUG and die('skip the checks of PHP end a script that saves a session while PHP destroys it');
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class Closes
{
    public function __destruct()
    {
        session_status() === PHP_SESSION_ACTIVE && session_write_close();
    }
}

foreach (['session_start', 'session_reset'] as $function) {
    $id = new_id();
    start($id);
    $_SESSION['object'] = new Closes();
    $_SESSION['mine'] = 1;
    if ($function === 'session_start') {
        session_write_close();
    }
    // Another request logs in meanwhile.
    redis()->set(data_key($id), 'user|i:7;');
    $got = warnings_of(function () use ($function) {
        try {
            $function();
        } catch (Error $error) {
            // SessionHandler::read() in a session that is closed.
            $error->getMessage() === 'Session is not active' || throw $error;
        }
    });
    same("$function: nothing is written over it", 'user|i:7;', redis()->get(data_key($id)));
    ok('it is said', (bool) preg_grep('/rustredis: the session is not saved: PHP is about to read it/', $got), $got);
    session_status() === PHP_SESSION_ACTIVE && session_abort();
    same('the lock is gone', false, is_locked($id));
    $_SESSION = [];
}
start($id);
same('the next start has it', ['user' => 7], $_SESSION);
$_SESSION['n'] = 1;
session_write_close();
same('and saves', 'user|i:7;n|i:1;', redis()->get(data_key($id)));
--EXPECT--
ok: session_start: nothing is written over it
ok: it is said
ok: the lock is gone
ok: session_reset: nothing is written over it
ok: it is said
ok: the lock is gone
ok: the next start has it
ok: and saves
