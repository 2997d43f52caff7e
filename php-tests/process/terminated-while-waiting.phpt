--TEST--
SIGTERM and SIGALRM end a request that waits for its lock, as they would any other; with a handler it runs after the wait
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

foreach ([SIGTERM, SIGALRM] as $signal) {
    $id = new_id();
    store_session($id, ['n' => 1]);
    start($id);
    $plain = Child::run('say("ready"); start($argv[1]);', [$id]);
    $handled = Child::run('
        pcntl_async_signals(true);
        pcntl_signal((int) $argv[2], function () { say("handled, " . (session_status() === PHP_SESSION_ACTIVE ? "in" : "without") . " the session"); exit(7); });
        say("ready");
        start($argv[1]);
        for (;;) usleep(1000);', [$id, (string) $signal]);
    $plain->line();
    $handled->line();
    poll('both wait', fn () => redis()->zcard(data_key($id) . '_WAITERS') === 2);
    posix_kill($plain->pid(), $signal);
    posix_kill($handled->pid(), $signal);
    same('it ends at once', '', $plain->output());
    same('by the signal', -$signal, $plain->exit_code());
    session_write_close();
    same('its handler runs', 'handled, in the session', $handled->line());
    same('nothing else', '', $handled->output());
    same('its own exit code', 7, $handled->exit_code());
    // The turn may have been offered to the one that is gone: for a second at most.
    same('the next one has the session', true, start($id));
    session_abort();
}
--EXPECT--
ok: it ends at once
ok: by the signal
ok: its handler runs
ok: nothing else
ok: its own exit code
ok: the next one has the session
ok: it ends at once
ok: by the signal
ok: its handler runs
ok: nothing else
ok: its own exit code
ok: the next one has the session
