--TEST--
a class with ids of its own: PHP's id, which the class does not use, takes no place of a limit
--FILE--
<?php
require __DIR__ . '/../user/user.inc';

/** Stores each session under an id of its own. */
class Own extends SessionHandler
{
    public function read(string $id): string|false
    {
        return parent::read("own-$id");
    }

    public function write(string $id, string $data): bool
    {
        return parent::write("own-$id", $data);
    }

    public function destroy(string $id): bool
    {
        return parent::destroy("own-$id");
    }
}

session_set_save_handler(new Own());
ini_set('session.use_strict_mode', '1');
foreach (['1', '0'] as $locking) {
    ini_set('rustredis.locking', $locking);
    $user = new_user();
    start(new_id());
    same("locking $locking: a login", true, rustredis_user($user, 2, 'refuse'));
    $_SESSION['n'] = 1;
    session_write_close();
    session_start();
    session_regenerate_id(true);
    $_SESSION['n'] = 2;
    $id = session_id();
    session_write_close();
    poll('the list', fn () => array_keys(on_list($user)) === ["own-$id"]);
    start(new_id());
    same("locking $locking: one more", true, rustredis_user($user, 2, 'refuse'));
    session_abort();
}
--EXPECT--
ok: locking 1: a login
ok: locking 1: one more
ok: locking 0: a login
ok: locking 0: one more
