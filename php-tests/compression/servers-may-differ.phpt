--TEST--
servers with different settings share a session under its lock: nothing is lost, everybody reads everybody's
--FILE--
<?php
require __DIR__ . '/../support/support.inc';
require __DIR__ . '/frames.inc';

write_session($id = new_id(), ['n' => 0, 'rows' => array_fill(0, 200, 'a row of the session')]);
$code = '
    require $argv[2];
    for ($i = 0; $i < 50; $i++) {
        if (!start($argv[1])) { exit(1); }
        if (count($_SESSION["rows"]) !== 200) { exit(2); }
        $_SESSION["n"]++;
        session_write_close();
        $seen[format_of(redis()->get(data_key($argv[1])))] = true;
    }
    echo implode(" ", array_keys($seen));';
$children = [];
foreach (['none', 'zstd', 'lz4'] as $format) {
    $children[] = Child::run($code, [$id, __DIR__ . '/frames.inc'], ['rustredis.compression' => $format, 'rustredis.lock_wait' => 60]);
}
$seen = '';
foreach ($children as $child) {
    $output = $child->output(60);
    same('a server is done, and said nothing', [0, 0], [$child->exit_code(), substr_count($output, 'rustredis')]);
    $seen .= " $output";
}
same('150 increments', 150, read_session($id)['n']);
foreach (['plain', 'zstd', 'lz4'] as $format) {
    ok("$format was stored", str_contains($seen, $format), $seen);
}
same('no lock is left', false, is_locked($id));
--EXPECT--
ok: a server is done, and said nothing
ok: a server is done, and said nothing
ok: a server is done, and said nothing
ok: 150 increments
ok: plain was stored
ok: zstd was stored
ok: lz4 was stored
ok: no lock is left
