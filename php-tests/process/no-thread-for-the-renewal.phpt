--TEST--
where no thread can be started to renew a lock's lease, the refused write says so and names the limits
--SKIPIF--
<?php
if (posix_getuid() !== 0 || !is_executable('/usr/bin/setpriv') || !is_executable('/usr/bin/prlimit')) {
    die('skip needs root, setpriv and prlimit');
}
if (getenv('RUSTREDIS_SLOWNESS') > 1) {
    die('skip valgrind has no such user');
}
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$server = RedisServer::start();
preg_match('~/\S*phpsess_rs\.so~', file_get_contents('/proc/self/maps'), $module);
// Another user's: the limit does not count for root. The processes of all runs on this machine count for it.
$user = random_int(100_000, 1_000_000_000);
$folder = sys_get_temp_dir() . '/' . new_id();
mkdir($folder, 0711);
copy($module[0], "$folder/module.so");
chmod("$folder/module.so", 0644);
$script = <<<'PHP'
    ob_start();
    session_id($argv[1]);
    set_error_handler(function ($level, $message) { fwrite(STDOUT, "$message\n"); });
    if (!session_start()) {
        exit("not started\n");
    }
    // Twice the lease.
    sleep(2);
    $_SESSION['n'] = 1;
    session_write_close();
    PHP;
// One process, and the thread of the pool. A thread that has just ended may still be counted when that one is made.
for ($try = 0; $try < 20; $try++) {
    $child = Child::command_line(['setpriv', "--reuid=$user", "--regid=$user", '--clear-groups', 'prlimit', '--nproc=2',
        PHP_BINARY, '-n', '-d', "extension=$folder/module.so", '-d', 'session.save_handler=rustredis',
        '-d', 'session.use_cookies=0', '-d', 'session.cache_limiter=', '-d', 'rustredis.lock_lease=1',
        '-d', "session.save_path=tcp://127.0.0.1:$server->port", '-r', $script, '--', new_id()]);
    $output = $child->output();
    if (!str_contains($output, 'not started')) {
        break;
    }
}
ok('one warning names the limits', substr_count($output, 'pids.max') === 1, $output);
ok('it names the lease', str_contains($output, 'rustredis.lock_lease, which was not renewed'), $output);
unlink("$folder/module.so");
rmdir($folder);
--EXPECT--
ok: one warning names the limits
ok: it names the lease
