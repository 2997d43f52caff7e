--TEST--
a session that is used by requests which save nothing keeps its user, its lifetimes and its place on the list
--FILE--
<?php
require __DIR__ . '/user.inc';

ini_set('session.gc_maxlifetime', '1000');
$ways = [
    'session_abort()' => function (string $id) {
        start($id);
        session_abort();
    },
    'read_and_close' => fn (string $id) => start($id, ['read_and_close' => true]),
    'a class that saves nothing' => function (string $id) {
        session_set_save_handler(new class extends SessionHandler {
            public function write(string $id, string $data): bool
            {
                return true;
            }
        });
        start($id);
        session_write_close();
        session_set_save_handler(new SessionHandler());
    },
    'a value that is too large' => function (string $id) {
        start($id);
        $_SESSION['large'] = str_repeat('x', 2000);
        warnings_of(fn () => session_write_close());
    },
    'an object' => function (string $id) {
        $handler = new RustRedis\SessionHandler();
        $handler->read($id);
        $handler->close();
    },
    'a class that is only asked if it knows the id' => function (string $id) {
        $handler = new RustRedis\SessionHandler();
        $handler->validateId($id);
        $handler->close();
    },
    'a class that reads another session' => function (string $id) {
        session_set_save_handler(new class ($id) extends SessionHandler {
            public function __construct(private string $other)
            {
            }

            public function read(string $id): string|false
            {
                $own = parent::read($id);
                parent::read($this->other);
                return $own;
            }
        });
        start(new_id());
        session_write_close();
        session_set_save_handler(new SessionHandler());
    },
    'a process that is killed' => function (string $id) {
        $ini = array_map(ini_get(...), array_combine($names = ['rustredis.locking', 'session.gc_maxlifetime'], $names));
        Child::run('start($argv[1]); posix_kill(getmypid(), SIGKILL);', [$id], $ini)->output();
        // The lock of the process ends with its lease.
        redis()->del(lock_key($id));
    },
    'a save' => function (string $id) {
        start($id);
        session_write_close();
    },
];
ini_set('rustredis.max_value_size', '1000');
foreach (['1', '0'] as $locking) {
    ini_set('rustredis.locking', $locking);
    foreach ($ways as $way => $use) {
        foreach ([true, false] as $is_due) {
            $id = login($user = new_user());
            redis()->del(list_key($user));
            set_state($id, ['idle' => 1000, 'bumped' => now() - ($is_due ? 501_000 : 400_000)], 100);
            $use($id);
            $kept = fn () => redis()->ttl(side_key($id, 'STATE')) > 1900 && array_keys(on_list($user)) === [$id];
            $name = "locking=$locking, $way" . ($is_due ? '' : ', too early');
            if ($is_due) {
                same($name, true, poll($name, $kept));
            } else {
                same($name, [false, []], [$kept(), on_list($user)]);
            }
        }
    }
    // Another request ends the session meanwhile: its mark stays as it is, and its place is gone.
    $id = login($user = new_user());
    set_state($id, ['idle' => 1000, 'bumped' => now() - 501_000], 100);
    $child = Child::run('ini_set("rustredis.locking", "' . $locking . '"); start($argv[1]); say("running"); hear(); session_abort();
        say("over");', [$id]);
    $child->line();
    ini_set('rustredis.ended_memory', '5000');
    rustredis_revoke($user);
    $child->tell('go');
    $child->output();
    same("locking=$locking, ended meanwhile", [true, [], 0],
        [redis()->ttl(side_key($id, 'STATE')) > 4000, on_list($user), rustredis_revoke($user)]);
    // Where no use prolongs the session, none prolongs its state.
    $id = login($user = new_user());
    set_state($id, ['idle' => 1000, 'bumped' => now() - 501_000], 100);
    ini_set('rustredis.touch', '0');
    $ways['session_abort()']($id);
    ini_set('rustredis.touch', '1');
    ok('touch=0', redis()->ttl(side_key($id, 'STATE')) <= 100);
}
--EXPECT--
ok: locking=1, session_abort()
ok: locking=1, session_abort(), too early
ok: locking=1, read_and_close
ok: locking=1, read_and_close, too early
ok: locking=1, a class that saves nothing
ok: locking=1, a class that saves nothing, too early
ok: locking=1, a value that is too large
ok: locking=1, a value that is too large, too early
ok: locking=1, an object
ok: locking=1, an object, too early
ok: locking=1, a class that is only asked if it knows the id
ok: locking=1, a class that is only asked if it knows the id, too early
ok: locking=1, a class that reads another session
ok: locking=1, a class that reads another session, too early
ok: locking=1, a process that is killed
ok: locking=1, a process that is killed, too early
ok: locking=1, a save
ok: locking=1, a save, too early
ok: locking=1, ended meanwhile
ok: touch=0
ok: locking=0, session_abort()
ok: locking=0, session_abort(), too early
ok: locking=0, read_and_close
ok: locking=0, read_and_close, too early
ok: locking=0, a class that saves nothing
ok: locking=0, a class that saves nothing, too early
ok: locking=0, a value that is too large
ok: locking=0, a value that is too large, too early
ok: locking=0, an object
ok: locking=0, an object, too early
ok: locking=0, a class that is only asked if it knows the id
ok: locking=0, a class that is only asked if it knows the id, too early
ok: locking=0, a class that reads another session
ok: locking=0, a class that reads another session, too early
ok: locking=0, a process that is killed
ok: locking=0, a process that is killed, too early
ok: locking=0, a save
ok: locking=0, a save, too early
ok: locking=0, ended meanwhile
ok: touch=0