--TEST--
where no further file can be opened the warning says which limit, and blames neither Redis nor a name
--SKIPIF--
<?php
if (!is_executable('/usr/bin/prlimit')) {
    die('skip needs prlimit');
}
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$server = RedisServer::start();
preg_match('~/\S*phpsess_rs\.so~', file_get_contents('/proc/self/maps'), $module);
$script = <<<'PHP'
    ob_start();
    session_id($argv[1]);
    set_error_handler(fn () => true);
    while ($open[] = fopen('/dev/null', 'r')) {
    }
    set_error_handler(function ($level, $message) { fwrite(STDOUT, "$message\n"); });
    var_dump(session_start());
    if ($argv[2]) {
        unset($open[0], $open[1], $open[2], $open[3]);
        var_dump(session_start());
    }
    PHP;
$paths = ['an address' => 'tcp://127.0.0.1:', 'a name' => 'tcp://localhost:', 'a cluster' => 'cluster://localhost:', 'sentinels' => 'sentinel://localhost:'];
foreach ($paths as $what => $path) {
    $path .= $server->port . ($what === 'sentinels' ? '/mymaster' : '');
    $child = Child::command_line(['prlimit', '--nofile=50', PHP_BINARY, '-n', '-d', "extension=$module[0]",
        '-d', 'session.save_handler=rustredis', '-d', 'session.use_cookies=0', '-d', 'session.cache_limiter=',
        '-d', "session.save_path=$path", '-r', $script, '--', new_id(), (int) str_starts_with($path, 'tcp:')]);
    [$warnings, $then] = explode('bool(false)', $child->output(), 2);
    // In the words of glibc, or of musl.
    $reasons = preg_match_all('/Too many open files|No file descriptors available/', $warnings);
    ok("$what: one warning names the limits", $reasons === 1 && str_contains($warnings, 'ulimit -n'), $warnings);
    ok("$what: it blames nothing else", !preg_match('/Is Redis running|not known|lookup|no node|no sentinel/', $warnings), $warnings);
    if (str_starts_with($path, 'tcp:')) {
        ok("$what: the next start works", trim($then) === "bool(true)", $then);
    }
}
--EXPECT--
ok: an address: one warning names the limits
ok: an address: it blames nothing else
ok: an address: the next start works
ok: a name: one warning names the limits
ok: a name: it blames nothing else
ok: a name: the next start works
ok: a cluster: one warning names the limits
ok: a cluster: it blames nothing else
ok: sentinels: one warning names the limits
ok: sentinels: it blames nothing else
