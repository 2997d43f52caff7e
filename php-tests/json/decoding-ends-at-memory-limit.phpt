--TEST--
json: memory_limit while a session is decoded leaves the stored session as it was
--INI--
session.serialize_handler=json
--SKIPIF--
<?php getenv('USE_ZEND_ALLOC') === '0' && die('skip memory_limit is kept by the allocator of PHP that is off here');
--FILE--
<?php
require __DIR__ . '/../support/support.inc';
require __DIR__ . '/exact.inc';

$code = 'session_id($argv[1]); session_start(); echo "started";';

// 24 MB whose values take 128 MB, in PHP as on the way there. Without a limit, PHP's process takes 170 MB here, and otherwise 70 MB.
$id = new_id();
redis()->set(data_key($id), '{"v":[', 'EX', 100);
for ($i = 0; $i < 8; $i++) {
    redis()->append(data_key($id), str_repeat('-0,', 1 << 20));
}
redis()->append(data_key($id), '0]}');
$size = redis()->strlen(data_key($id));
$child = Child::run($code, [$id], ['session.serialize_handler' => 'json', 'memory_limit' => '40M']);
$output = $child->output();
ok('floats: out of memory', ran_out_of_memory($output) && !str_contains($output, 'started'), $output);
same('no crash', 255, $child->exit_code());
// The largest of the children so far, which is this one.
$megabytes = getrusage(1)['ru_maxrss'] >> 10;
ok('little memory is taken outside of the limit', $megabytes < 120, $megabytes);
same('what is stored', $size, redis()->strlen(data_key($id)));
ok('the lock is gone', !is_locked($id));
$child = Child::run($code, [$id], ['session.serialize_handler' => 'json', 'memory_limit' => '512M']);
same('with more memory', 'started', $child->output());
redis()->del(data_key($id));

// The read itself, or the first array, may be what passes the limit.
redis()->set(data_key($id), '{"v":[' . implode(',', array_fill(0, 6000, '"' . str_repeat('x', 300) . '"')) . ']}', 'EX', 100);
$limited = 'ini_set("memory_limit", (string) (memory_get_usage(true) + (int) $argv[2])); ' . $code;
$ends = [];
foreach ([300_000, 1_100_000, 1_900_000] as $more) {
    $child = Child::run($limited, [$id, (string) $more], ['session.serialize_handler' => 'json']);
    $output = $child->output();
    // Some builds of PHP end at once over twice the limit, with 137 as if killed, and nobody can release the lock then. It
    // depends on the parts of memory that are free whether PHP's own end of the request gets there.
    $killed = $child->exit_code() === 137 && str_contains($output, 'Hard memory limit');
    $ends[] = [ran_out_of_memory($output), $killed ? 255 : $child->exit_code(), !$killed && is_locked($id)];
    redis()->del(lock_key($id));
}
same('small limits', array_fill(0, 3, [true, 255, false]), $ends);
redis()->del(data_key($id));

$rows = implode(',', array_fill(0, 60_000, '{"a":1}'));
$texts = ['arrays' => "{\"v\":[$rows]}", 'one long string' => '{"v":"' . str_repeat('x', 12 << 20) . '"}',
    'bytes' => '{"v":{"$bytes":"' . base64_encode(str_repeat("\xff", 12 << 20)) . '"}}',
    'pairs' => '{"v":{"$map":[' . implode(',', array_map(fn ($i) => "[$i,[$i]]", range(120_000, 1))) . ']}}',
    'the php format' => 'v|' . serialize(array_fill(0, 60_000, ['a' => 1]))];
foreach ($texts as $what => $text) {
    $id = new_id();
    redis()->set(data_key($id), $text, 'EX', 100);
    $child = Child::run($code, [$id], ['session.serialize_handler' => 'json', 'memory_limit' => '16M']);
    $output = $child->output();
    ok("$what: out of memory", ran_out_of_memory($output) && !str_contains($output, 'started'), $output);
    // PHP's own decoders go on so far.
    $killed = $what === 'the php format' && $child->exit_code() === 137;
    ok('no crash', $killed || $child->exit_code() === 255, $child->exit_code());
    same('what is stored', md5($text), md5((string) redis()->get(data_key($id))));
    ok('the lock is gone', $killed || !is_locked($id));
    redis()->del(lock_key($id));
    $child = Child::run($code, [$id], ['session.serialize_handler' => 'json', 'memory_limit' => '512M']);
    same('with more memory', 'started', $child->output());
}
--EXPECT--
ok: floats: out of memory
ok: no crash
ok: little memory is taken outside of the limit
ok: what is stored
ok: the lock is gone
ok: with more memory
ok: small limits
ok: arrays: out of memory
ok: no crash
ok: what is stored
ok: the lock is gone
ok: with more memory
ok: one long string: out of memory
ok: no crash
ok: what is stored
ok: the lock is gone
ok: with more memory
ok: bytes: out of memory
ok: no crash
ok: what is stored
ok: the lock is gone
ok: with more memory
ok: pairs: out of memory
ok: no crash
ok: what is stored
ok: the lock is gone
ok: with more memory
ok: the php format: out of memory
ok: no crash
ok: what is stored
ok: the lock is gone
ok: with more memory
