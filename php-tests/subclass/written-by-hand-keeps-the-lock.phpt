--TEST--
a script that calls its handler's write() keeps the lock, also in a shutdown function; PHP's save at the end releases it
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
$child = Child::run(<<<'PHP'
    $handler = new SessionHandler();
    session_set_save_handler($handler, false);
    start($argv[1]);
    $handler->write(session_id(), 'n|i:1;');
    say(is_locked(session_id()) ? 'locked' : 'free');
    register_shutdown_function(function () use ($handler) {
        $handler->write(session_id(), 'n|i:2;');
        say(is_locked(session_id()) ? 'locked' : 'free');
        $_SESSION['n'] = 3;
    });
    PHP, [$id]);
echo $child->output(), "\n";
same('the last is saved', 'n|i:3;', redis()->get(data_key($id)));
same('the lock is gone', false, is_locked($id));
--EXPECT--
locked
locked
ok: the last is saved
ok: the lock is gone
