--TEST--
the ACL rule of the README suffices, and each command of it is needed: without it a warning names what is missing
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

preg_match('/^ACL SETUSER sessions on >PASSWORD ~PHPREDIS_SESSION:\* (.+)$/m', file_get_contents(getenv('RUSTREDIS_ROOT') . '/README.md'), $m);
$commands = array_map(fn ($command) => ltrim($command, '+'), explode(' ', $m[1]));
// Everything that a session can do; $argv: ids to start, to wait for, to be waited for, to keep aside, to take a ticket of.
$code = '
    ini_set("session.use_strict_mode", 1);
    session_start();
    $_SESSION["n"] = 1;
    session_write_close();
    session_start();
    session_write_close();
    session_start();
    session_create_id();
    session_regenerate_id(true);
    session_destroy();
    foreach (["login", "login elsewhere", "end of all"] as $what) {
        session_id("");
        session_start();
        try {
            rustredis_user("user", 1);
            $what !== "end of all" || rustredis_revoke(others_only: true);
        } catch (RustRedis\SessionException $error) {
            echo $error->getMessage(), "\n";
        }
        session_write_close();
    }
    session_start();
    try {
        rustredis_user("other", 2);
    } catch (RustRedis\SessionException $error) {
        echo $error->getMessage(), "\n";
    }
    session_write_close();
    ini_set("session.use_strict_mode", 0);
    start($argv[4]);
    session_abort();
    start($argv[5]);
    session_abort();
    start($argv[3]);
    $_SESSION["n"] = 1;
    say("holds");
    hear();
    session_write_close();
    start($argv[2]);
    Resp::tcp((int) $argv[6])->del(lock_key($argv[2]));
    $_SESSION["n"] = 1;
    session_write_close();
    say("end");';
$run = function (array $rights, string $password) use ($code) {
    $server = RedisServer::start();
    $redis = $server->resp();
    $redis->acl('SETUSER', 'web', 'on', ">$password", '~PHPREDIS_SESSION:*', ...array_map(fn ($command) => "+$command", $rights));
    $ids = array_map(fn () => new_id(), range(1, 5));
    $redis->set(data_key($ids[3]), 'n|not-serialized');
    // Places on a list that prove nothing: of a session that is gone, and of one that has no user.
    foreach ([new_id(), $ids[3]] as $id) {
        $redis->hset('PHPREDIS_SESSION:USER:' . substr(hash('sha256', 'other'), 0, 32), $id, '1|9999999999999');
    }
    // Handed over to somebody who never came.
    $redis->set(lock_key($ids[4]), 't:' . str_repeat('0', 32), 'PX', 60000);
    $redis->rpush(data_key($ids[4]) . '_WAKE', str_repeat('0', 32) . "\n0\n\n0");
    $settings = ['session.save_path' => $server->save_path(), 'rustredis.lock_wait' => 5, 'rustredis.lock_max_waiters' => 9];
    $theirs = $settings + (ini_get('rustredis.username') ? [] : ['rustredis.username' => '']);
    $redis->set(lock_key($ids[1]), foreign_token(), 'PX', 60000);
    $child = Child::run($code, [...$ids, $server->port], ['rustredis.username' => 'web', 'rustredis.password' => $password] + $settings);
    $output = '';
    do {
        $output .= ($line = $child->line()) . "\n";
    } while ($line !== 'holds');
    $waiter = Child::run('start($argv[1]); session_abort();', [$ids[2]], $theirs);
    poll('a waiter', fn () => $redis->zcard(data_key($ids[2]) . '_WAITERS') === 1 || !is_locked($ids[2], $redis));
    $child->tell('go');
    // The lock is handed over to it once it waits, if it comes to that.
    poll('another waiter', fn () => $redis->zcard(data_key($ids[1]) . '_WAITERS') === 1 || !$child->is_silent());
    $redis->set(lock_key($ids[1]), 't:' . str_repeat('1', 32), 'PX', 900);
    $redis->rpush(data_key($ids[1]) . '_WAKE', str_repeat('1', 32) . "\n0\n\n0");
    $output .= $child->output();
    $waiter->output();
    same('it ran to its end', [0, true], [$child->exit_code(), preg_match('/^end$/m', $output) === 1]);
    // Those two are what it does on purpose.
    return preg_grep('/rustredis: (?!.*( is kept for a day| lost its lock ))/', explode("\n", $output));
};
$password = "a&=%;,+/@:#'~|^ü";
same('all of them: no warning', [], $run($commands, $password));
foreach ($commands as $command) {
    $warnings = $run(array_diff($commands, [$command]), $password);
    $told = preg_grep("/the user needs .*\+$command\b.* and the keys ~PHPREDIS_SESSION:\*/", $warnings);
    if ($command === 'rpush') {
        // The hand-over of a lock that is free already: those who wait look again by themselves.
        same("without $command nothing fails", [], $warnings);
        continue;
    }
    ok("without $command", $told !== [], $warnings);
    if (array_filter($warnings, fn ($warning) => str_contains($warning, $password))) {
        echo "NOT OK: a warning shows the password\n";
    }
}
--EXPECT--
ok: it ran to its end
ok: all of them: no warning
ok: it ran to its end
ok: without eval
ok: it ran to its end
ok: without evalsha
ok: it ran to its end
ok: without blpop
ok: it ran to its end
ok: without exists
ok: it ran to its end
ok: without get
ok: it ran to its end
ok: without mget
ok: it ran to its end
ok: without set
ok: it ran to its end
ok: without del
ok: it ran to its end
ok: without expire
ok: it ran to its end
ok: without pexpire
ok: it ran to its end
ok: without pttl
ok: it ran to its end
ok: without time
ok: it ran to its end
ok: without lpop
ok: it ran to its end
ok: without rpush nothing fails
ok: it ran to its end
ok: without rename
ok: it ran to its end
ok: without zadd
ok: it ran to its end
ok: without zcard
ok: it ran to its end
ok: without zrem
ok: it ran to its end
ok: without zremrangebyscore
ok: it ran to its end
ok: without hget
ok: it ran to its end
ok: without hset
ok: it ran to its end
ok: without hdel
ok: it ran to its end
ok: without hgetall
