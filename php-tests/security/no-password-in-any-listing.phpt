--TEST--
a password of save_path, in whichever form, is in nothing that the extension shows; rustredis.password is nowhere at all
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

const SECRET = 'the-Secret-1';
$encoded = '%74he%2DSecret%2D1';
// Nobody listens on port 1: each of these also raises a warning.
$paths = [
    'auth' => 'tcp://127.0.0.1:1?auth=' . SECRET,
    'auth[]' => 'tcp://127.0.0.1:1?auth[]=user&auth[]=' . SECRET,
    'auth[pass]' => 'tcp://127.0.0.1:1?auth[user]=u&auth[pass]=' . SECRET,
    'percent-encoded' => "tcp://127.0.0.1:1?auth=$encoded",
    'a percent-encoded name' => 'tcp://127.0.0.1:1?%61uth=' . SECRET,
    'user and password' => 'redis://user:' . SECRET . '@127.0.0.1:1',
    'a password alone' => 'redis://:' . SECRET . '@127.0.0.1:1/2',
    'percent-encoded in a URL' => "redis://user:$encoded@127.0.0.1:1",
    'shards' => 'tcp://127.0.0.1:1?auth=' . SECRET . ', tcp://127.0.0.1:2?auth=' . SECRET,
    'sentinel_auth' => 'sentinel://127.0.0.1:1/master?sentinel_auth=' . SECRET,
    'both of a sentinel' => 'sentinel://127.0.0.1:1/master?auth=' . SECRET . '&sentinel_auth=' . SECRET,
    'behind a socket, with an & for the ?' => 'unix:///nowhere/redis.sock&auth=' . SECRET,
    'behind a socket, with a colon' => 'unix:/nowhere/redis.sock:' . SECRET,
    'behind a socket, with an equals sign' => '/nowhere/redis.sock=' . SECRET,
    'behind the second socket' => 'unix:///nowhere/redis.sock, unix:///nowhere/redis.sock;' . SECRET,
    'behind a host' => 'tcp://localhost&auth=' . SECRET,
    'behind an IPv6 address' => 'tcp://[::1]&auth=' . SECRET,
    'behind a node of a cluster' => 'cluster://localhost:1,localhost&auth=' . SECRET,
    'behind a seed' => 'seed[]=localhost?auth=' . SECRET,
    'behind a master' => 'sentinel://127.0.0.1:1/master&auth=' . SECRET,
    'a passphrase' => 'tls://127.0.0.1:1?stream[passphrase]=' . SECRET,
];
$show = '
    set_error_handler(function ($level, $message) { echo "$message\n"; debug_print_backtrace(DEBUG_BACKTRACE_IGNORE_ARGS); });
    start(new_id());
    session_write_close();
    session_status() === PHP_SESSION_ACTIVE && session_destroy();
    session_create_id();
    try {
        $object = new RustRedis\SessionHandler();
        $object->open("", "");
        $object->read(new_id());
    } catch (Throwable $exception) {
        echo $exception;
    }
    try {
        rustredis_ping();
    } catch (Throwable $exception) {
        echo $exception;
    }
    print_r(rustredis_status());
    print_r(ini_get_all("phpsess_rs"));
    (new ReflectionExtension("phpsess_rs"))->info();
    print_r(getenv());
    echo "\nseen";';
foreach ($paths as $name => $path) {
    $output = Child::run($show, [], ['session.save_path' => $path])->output();
    // The child's own includes are shown by their names, its arguments by none.
    ok($name, str_ends_with($output, 'seen') && str_contains($output, 'rustredis: ')
        && !str_contains($output, SECRET) && !str_contains($output, $encoded), $output);
}
foreach (['--ri' => ['--ri', 'phpsess_rs'], '-i' => ['-i']] as $name => $arguments) {
    $listing = Child::command_line(Child::command(['rustredis.password' => SECRET], $arguments))->output();
    ok("php $name", str_contains($listing, 'rustredis.password') && substr_count($listing, SECRET)
        === ($name === '-i' ? arguments_in($listing) : 0), $listing);
}

/** php -i also lists its own command line, which is ours and not the extension's. */
function arguments_in(string $listing): int
{
    return preg_match_all('/^\$_SERVER\[\'argv\'\].*?^\)/ms', $listing, $lists) ? substr_count(implode($lists[0]), SECRET) : 0;
}
--EXPECT--
ok: auth
ok: auth[]
ok: auth[pass]
ok: percent-encoded
ok: a percent-encoded name
ok: user and password
ok: a password alone
ok: percent-encoded in a URL
ok: shards
ok: sentinel_auth
ok: both of a sentinel
ok: behind a socket, with an & for the ?
ok: behind a socket, with a colon
ok: behind a socket, with an equals sign
ok: behind the second socket
ok: behind a host
ok: behind an IPv6 address
ok: behind a node of a cluster
ok: behind a seed
ok: behind a master
ok: a passphrase
ok: php --ri
ok: php -i
