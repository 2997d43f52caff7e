--TEST--
a damaged frame is kept aside for a day under the key that the warning names, and the user can go on
--FILE--
<?php
require __DIR__ . '/../support/support.inc';
require __DIR__ . '/frames.inc';

foreach (['zstd', 'lz4'] as $format) {
    ini_set('rustredis.compression', $format);
    $frame = write_session(new_id(), ['text' => str_repeat('abc', 1000)]);
    $middle = intdiv(strlen($frame), 2);
    foreach (['cut' => substr($frame, 0, -1), 'only the number' => substr($frame, 0, 4), 'a changed byte' => substr_replace($frame, $frame[$middle] ^ "\x55", $middle, 1),
        'a tail' => "{$frame}x"] as $what => $damaged) {
        $id = new_id();
        redis()->set(data_key($id), $damaged, 'EX', 100);
        $got = warnings_of(function () use ($id, &$started) {
            $started = start($id);
        });
        same('nothing is raised', [], $got);
        $data = $_SESSION;
        $_SESSION['n'] = 1;
        $got = warnings_of(fn () => session_write_close());
        check_warnings("$format, $what", $got, [['rustredis: ', 'could not be decompressed', "its $format frame is damaged", 'ASIDE']], $id);
        preg_match('/' . PREFIX . 'ASIDE:[0-9a-f]{32}\b/', $got[0] ?? '', $m);
        $ttl = redis()->ttl($m[0] ?? '');
        same('what was stored', $damaged, redis()->get($m[0] ?? ''));
        ok('for a day', $ttl > 86000 && $ttl <= 86400, $ttl);
        same('it starts empty', [true, []], [$started, $data]);
        same('the session goes on', [['n' => 1], false], [read_session($id), is_locked($id)]);
    }
}
// Where it cannot be kept aside, it is left alone.
$server = RedisServer::start();
$server->resp()->set(data_key($id = new_id()), ZSTD . 'x');
$server->resp()->acl('SETUSER', ini_get('rustredis.username') ?: 'default', '-rename');
$child = Child::run('var_dump(start($argv[1])); $_SESSION["n"] = 1; session_write_close();', [$id], ['session.save_path' => $server->save_path()]);
$output = $child->output();
ok('a session that cannot be moved is not started', str_contains($output, 'bool(false)') && str_contains($output, 'not kept aside'), $output);
same('and stays as it is', ZSTD . 'x', $server->resp()->get(data_key($id)));
--EXPECT--
ok: nothing is raised
ok: zstd, cut
ok: what was stored
ok: for a day
ok: it starts empty
ok: the session goes on
ok: nothing is raised
ok: zstd, only the number
ok: what was stored
ok: for a day
ok: it starts empty
ok: the session goes on
ok: nothing is raised
ok: zstd, a changed byte
ok: what was stored
ok: for a day
ok: it starts empty
ok: the session goes on
ok: nothing is raised
ok: zstd, a tail
ok: what was stored
ok: for a day
ok: it starts empty
ok: the session goes on
ok: nothing is raised
ok: lz4, cut
ok: what was stored
ok: for a day
ok: it starts empty
ok: the session goes on
ok: nothing is raised
ok: lz4, only the number
ok: what was stored
ok: for a day
ok: it starts empty
ok: the session goes on
ok: nothing is raised
ok: lz4, a changed byte
ok: what was stored
ok: for a day
ok: it starts empty
ok: the session goes on
ok: nothing is raised
ok: lz4, a tail
ok: what was stored
ok: for a day
ok: it starts empty
ok: the session goes on
ok: a session that cannot be moved is not started
ok: and stays as it is
