--TEST--
phpredis and rustredis on one session with compression: each reads what the other wrote, no increment is lost
--SKIPIF--
<?php
require __DIR__ . '/phpredis.inc';
$why = why_no_phpredis_that_compresses();
echo $why === null ? '' : "skip $why";
--FILE--
<?php
require __DIR__ . '/../support/support.inc';
require __DIR__ . '/frames.inc';
require __DIR__ . '/phpredis.inc';

$code = '
    for ($i = 0; $i < 30; $i++) {
        session_id($argv[1]);
        session_start() or exit(1);
        count($_SESSION["rows"]) === 200 or exit(2);
        $_SESSION["n"]++;
        session_write_close();
    }';
// What the migration guide allows while both run.
foreach ([['zstd', 'zstd'], ['zstd', 'none'], ['lz4', 'none'], ['lzf', 'none'], ['none', 'none']] as [$theirs, $ours]) {
    ini_set('rustredis.compression', $ours);
    write_session($id = new_id(), ['n' => 0, 'rows' => array_fill(0, 200, 'a row of the session')]);
    $children = [
        Child::plain($code, [$id], phpredis($theirs)),
        Child::plain($code, [$id], ['rustredis.compression' => $ours, 'rustredis.lock_mixed' => 1, 'rustredis.lock_wait' => 60]),
    ];
    $ends = array_map(fn ($child) => [$child->output(60), $child->exit_code()], $children);
    same("phpredis $theirs, rustredis $ours", [[['', 0], ['', 0]], 60], [$ends, read_session($id)['n'] ?? null]);
}
--EXPECT--
ok: phpredis zstd, rustredis zstd
ok: phpredis zstd, rustredis none
ok: phpredis lz4, rustredis none
ok: phpredis lzf, rustredis none
ok: phpredis none, rustredis none
