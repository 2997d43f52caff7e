--TEST--
a subclass whose read() throws after the native read: the lock is not left behind when the request ends
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
$child = Child::run('
    class Throws extends SessionHandler
    {
        public function read(string $id): string|false
        {
            parent::read($id);
            throw new RuntimeException("no thanks");
        }
    }
    session_set_save_handler(new Throws(), false);
    try {
        start($argv[1]);
        say("no exception");
    } catch (RuntimeException $exception) {
        // PHP calls no close while an exception is on its way.
        say($exception->getMessage());
    }', [$id]);
same('the exception arrives', 'no thanks', $child->line());
$child->output();
same('an ordinary end, no crash', true, in_array($child->exit_code(), [0, 255], true));
same('the lock is gone', false, is_locked($id));
--EXPECT--
ok: the exception arrives
ok: an ordinary end, no crash
ok: the lock is gone
