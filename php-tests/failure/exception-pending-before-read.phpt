--TEST--
an exception that is pending when the session would be read: the start fails, nothing is decoded, the lock is free, the id and the session stay
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

/** PHP itself warns in session_start() before it opens the session. */
function pending(string $name, array $options, int $trips): void
{
    $id = new_id();
    store_session($id, ['n' => 1]);
    set_error_handler(function (int $level, string $message) {
        throw new ErrorException($message);
    });
    $thrown = null;
    $cost = trips(function () use ($id, $options, &$thrown) {
        try {
            start($id, $options);
        } catch (ErrorException $exception) {
            $thrown = $exception->getMessage();
        }
    });
    restore_error_handler();
    ok("$name: PHP's own message", $thrown !== null && !str_contains($thrown, 'rustredis'), $thrown);
    same("$name: no session", PHP_SESSION_NONE, session_status());
    same("$name: the trips", $trips, $cost);
    same("$name: no lock", false, is_locked($id));
    same("$name: it stays", 'n|i:1;', redis()->get(data_key($id)));
    same("$name: and starts", 1, @start($id, ['use_cookies' => 0]) ? $_SESSION['n'] : false);
    session_abort();
}

pending('before open', ['nonsense' => '1'], 0);
pending('before open, strict', ['nonsense' => '1', 'use_strict_mode' => '1'], 0);
--EXPECT--
ok: before open: PHP's own message
ok: before open: no session
ok: before open: the trips
ok: before open: no lock
ok: before open: it stays
ok: before open: and starts
ok: before open, strict: PHP's own message
ok: before open, strict: no session
ok: before open, strict: the trips
ok: before open, strict: no lock
ok: before open, strict: it stays
ok: before open, strict: and starts
