--TEST--
where no thread can be started the warning says which limit, and no signal stays blocked
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
    var_dump(session_start());
    preg_match('/SigBlk:\s*0*(\w+)/', file_get_contents('/proc/thread-self/status'), $blocked);
    echo "blocked: $blocked[1]\n";
    PHP;
foreach (['127.0.0.1', 'localhost'] as $host) {
    $child = Child::command_line(['setpriv', "--reuid=$user", "--regid=$user", '--clear-groups', 'prlimit', '--nproc=1',
        PHP_BINARY, '-n', '-d', "extension=$folder/module.so", '-d', 'session.save_handler=rustredis',
        '-d', 'session.use_cookies=0', '-d', 'session.cache_limiter=', '-d', "session.save_path=tcp://$host:$server->port", '-r', $script, '--', new_id()]);
    $output = $child->output();
    ok("$host: one warning names the limits", substr_count($output, 'pids.max') === 1, $output);
    ok("$host: it does not point at Redis", !str_contains($output, 'Is Redis running'), $output);
    ok("$host: it is no internal error", !str_contains($output, 'internal') && !str_contains($output, 'panicked'), $output);
    ok("$host: no session, no blocked signal", str_contains($output, "bool(false)\nblocked: 0"), $output);
}
unlink("$folder/module.so");
rmdir($folder);
--EXPECT--
ok: 127.0.0.1: one warning names the limits
ok: 127.0.0.1: it does not point at Redis
ok: 127.0.0.1: it is no internal error
ok: 127.0.0.1: no session, no blocked signal
ok: localhost: one warning names the limits
ok: localhost: it does not point at Redis
ok: localhost: it is no internal error
ok: localhost: no session, no blocked signal
