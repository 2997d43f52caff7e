--TEST--
a session that memory_limit does not leave room for is read past: neither PHP nor the extension has its memory
--SKIPIF--
<?php getenv('USE_ZEND_ALLOC') === '0' && die('skip memory_limit is kept by the allocator of PHP that is off here');
getenv('VALGRIND') && die('skip the memory of the process is not that of PHP');
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$code = <<<'PHP'
    $peak = function (): int { preg_match('/^VmHWM:\s*(\d+) kB/m', file_get_contents('/proc/self/status'), $m); return $m[1] >> 10; };
    // With and without a connection that was used before.
    for ($i = 0; $i < (int) $argv[3]; $i++) {
        session_id($argv[2]);
        session_start();
        session_write_close();
    }
    $before = $peak();
    register_shutdown_function(function () use ($peak, $before) { echo "\npeak ", $peak() - $before, "\n"; });
    session_id($argv[1]);
    session_start(['read_and_close' => $argv[4] === 'read']);
    echo 'not reached';
PHP;
$text = 'v|s:' . (24 << 20) . ':"' . str_repeat('x', 24 << 20) . '";';
foreach (['0 write', '2 write', '0 read', '2 read'] as $how) {
    [$first, $access] = explode(' ', $how);
    $id = new_id();
    redis()->set(data_key($id), $text, 'EX', 100);
    store_session($other = new_id(), ['n' => 1]);
    $child = Child::run($code, [$id, $other, $first, $access], ['memory_limit' => '16M', 'session.use_cookies' => '0', 'session.cache_limiter' => '']);
    $output = $child->output();
    ok("$how: PHP reports a lack of memory", ran_out_of_memory($output) && !str_contains($output, 'not reached'), $output);
    // Some builds of PHP end at once over a hard limit.
    $grown = preg_match('/^peak (\d+)$/m', $output, $m) ? (int) $m[1] : ($child->exit_code() === 137 ? 0 : 999);
    ok("$how: its memory was never taken", $grown < 12, $grown);
    same("$how: the stored session is as it was", md5($text), md5((string) redis()->get(data_key($id))));
    same("$how: the lock is gone", false, is_locked($id));
    $child = Child::run('session_id($argv[1]); session_start(); echo strlen($_SESSION["v"]);', [$id], ['memory_limit' => '512M']);
    same("$how: with more memory", (string) (24 << 20), $child->output());
    redis()->del(data_key($id));
}

--EXPECT--
ok: 0 write: PHP reports a lack of memory
ok: 0 write: its memory was never taken
ok: 0 write: the stored session is as it was
ok: 0 write: the lock is gone
ok: 0 write: with more memory
ok: 2 write: PHP reports a lack of memory
ok: 2 write: its memory was never taken
ok: 2 write: the stored session is as it was
ok: 2 write: the lock is gone
ok: 2 write: with more memory
ok: 0 read: PHP reports a lack of memory
ok: 0 read: its memory was never taken
ok: 0 read: the stored session is as it was
ok: 0 read: the lock is gone
ok: 0 read: with more memory
ok: 2 read: PHP reports a lack of memory
ok: 2 read: its memory was never taken
ok: 2 read: the stored session is as it was
ok: 2 read: the lock is gone
ok: 2 read: with more memory
