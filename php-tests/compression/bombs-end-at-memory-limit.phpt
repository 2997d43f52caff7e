--TEST--
without rustredis.max_value_size a frame is decompressed up to what memory_limit leaves
--SKIPIF--
<?php getenv('USE_ZEND_ALLOC') === '0' && die('skip memory_limit is kept by the allocator of PHP that is off here');
getenv('VALGRIND') && die('skip the memory of the process is not that of PHP');
--FILE--
<?php
require __DIR__ . '/../support/support.inc';
require __DIR__ . '/frames.inc';

$code = '
    $peak = function (): int { preg_match("/^VmHWM:\s*(\d+)/m", file_get_contents("/proc/self/status"), $m); return (int) $m[1]; };
    start($argv[2]);
    session_abort();
    $before = $peak();
    $started = [start($argv[1]), start($argv[1], ["read_and_close" => true])];
    echo "\n", json_encode([$started, $peak() - $before]);';
ini_set('rustredis.compression', 'lz4');
$bombs = ['2 GB of zstd' => zstd_bomb(16384), '30 MB of lz4' => write_session(new_id(), ['x' => str_repeat('y', 30 << 20)])];
foreach ($bombs as $what => $bomb) {
    redis()->set(data_key($id = new_id()), $bomb, 'EX', 100);
    $child = Child::run($code, [$id, new_id()], ['rustredis.max_value_size' => '0', 'memory_limit' => '24M']);
    $lines = explode("\n", $child->output());
    [$started, $grown] = json_decode(array_pop($lines), true) ?? [null, null];
    same("$what: not started", [false, false], $started);
    same('two warnings that name memory_limit', 2, count(preg_grep('/rustredis: .*memory_limit/', $lines)));
    // At most what is left, twice: the memory grows by being copied.
    ok('memory is bounded', $grown < 50000, "$grown kB");
    same('it stays as it is', [$bomb, false], [redis()->get(data_key($id)), is_locked($id)]);
}
--EXPECT--
ok: 2 GB of zstd: not started
ok: two warnings that name memory_limit
ok: memory is bounded
ok: it stays as it is
ok: 30 MB of lz4: not started
ok: two warnings that name memory_limit
ok: memory is bounded
ok: it stays as it is
