--TEST--
a frame that is gigabytes when it is decompressed, or says so, takes no such memory; the session stays as it is
--SKIPIF--
<?php getenv('USE_ZEND_ALLOC') === '0' && die('skip the resident memory is valgrind\'s');
--FILE--
<?php
require __DIR__ . '/../support/support.inc';
require __DIR__ . '/frames.inc';

function peak_of(int $pid): int
{
    preg_match('/^VmHWM:\s*(\d+)/m', file_get_contents("/proc/$pid/status"), $m);
    return (int) $m[1];
}

$code = '
    say("ready");
    hear();
    foreach ([start($argv[1]), start($argv[1], ["read_and_close" => true])] as $started) {
        say($started ? "started" : "not started");
    }
    hear();';
$bombs = ['2 GB of blocks' => zstd_bomb(16384), '2^60 bytes, it says' => ZSTD . "\xe0" . pack('P', 1 << 60) . "\x01\x00\x00"];
ini_set('rustredis.compression', 'lz4');
$bombs['4 MB in lz4'] = write_session(new_id(), ['x' => str_repeat('y', 4 << 20)]);
foreach ($bombs as $what => $bomb) {
    redis()->set(data_key($id = new_id()), $bomb, 'EX', 100);
    $child = Child::run($code, [$id], ['rustredis.max_value_size' => '1M', 'display_errors' => 'stderr']);
    poll('ready', fn () => $child->line() === 'ready');
    $before = peak_of($child->pid());
    $child->tell('go');
    $lines = [];
    while (count(preg_grep('/started$/', $lines)) < 2) {
        $lines[] = $child->line();
    }
    $grown = peak_of($child->pid()) - $before;
    $child->tell('end');
    same("$what: not started", ['not started', 'not started'], array_values(preg_grep('/^(not )?started$/', $lines)));
    $warnings = array_values(preg_grep('/rustredis: /', $lines));
    same('one warning each', 2, count($warnings));
    ok('that names the setting', str_contains($warnings[0] ?? '', 'rustredis.max_value_size') && str_contains($warnings[0], '1048576'), $warnings);
    ok('memory is bounded', $grown < 20000, "$grown kB");
    same('it stays as it is', [$bomb, false], [redis()->get(data_key($id)), is_locked($id)]);
}
--EXPECT--
ok: 2 GB of blocks: not started
ok: one warning each
ok: that names the setting
ok: memory is bounded
ok: it stays as it is
ok: 2^60 bytes, it says: not started
ok: one warning each
ok: that names the setting
ok: memory is bounded
ok: it stays as it is
ok: 4 MB in lz4: not started
ok: one warning each
ok: that names the setting
ok: memory is bounded
ok: it stays as it is
