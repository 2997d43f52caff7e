--TEST--
a subclass that reads another session before its own: its own is locked, and the other one is not for long
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class Migrates extends SessionHandler
{
    public function read(string $id): string|false
    {
        $old = parent::read("old$id");
        same('the other is read', 'n|i:1;', $old);
        return parent::read($id) ?: $old;
    }
}
session_set_save_handler(new Migrates());
foreach (['session_start' => '', 'session_reset' => 'n|i:5;'] as $function => $own) {
    $id = new_id();
    redis()->set(data_key("old$id"), 'n|i:1;');
    $own === '' || redis()->set(data_key($id), $own);
    start($id);
    $function === 'session_reset' && session_reset();
    same("$function: the locks", [true, false], [is_locked($id), is_locked("old$id")]);
    // The lock gets lost, and another request has its turn.
    redis()->del(lock_key($id));
    redis()->set(data_key($id), 'n|i:10;');
    $_SESSION['n']++;
    $got = warnings_of(fn () => session_write_close());
    same('nothing is written over it', ['n|i:10;', false], [redis()->get(data_key($id)), is_locked($id)]);
    ok('it is said', (bool) preg_grep('/rustredis: .*lost its lock/', $got), $got);
}
--EXPECT--
ok: the other is read
ok: session_start: the locks
ok: nothing is written over it
ok: it is said
ok: the other is read
ok: the other is read
ok: session_reset: the locks
ok: nothing is written over it
ok: it is said
