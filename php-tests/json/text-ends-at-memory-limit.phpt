--TEST--
json: a session that is much longer as text than in memory ends at memory_limit, or at rustredis.max_value_size
--INI--
session.serialize_handler=json
--SKIPIF--
<?php getenv('USE_ZEND_ALLOC') === '0' && die('skip memory_limit is kept by the allocator of PHP that is off here');
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

// Arrays and strings that PHP shares: each is some kilobytes of PHP's memory.
$code = <<<'PHP'
    session_id($argv[1]);
    session_start();
    class Thing { public $text; }
    $bomb = function (mixed $value, int $levels): array { while ($levels--) $value = [$value, $value]; return [$value]; };
    $thing = new Thing;
    $thing->text = str_repeat('o', 1 << 20);
    $_SESSION['deep'] = match ($argv[2]) {
        'arrays' => $bomb('x', 40),
        'maps' => $bomb(['k' => 1.5, 7 => null], 40),
        'strings' => array_fill(0, 500, str_repeat('s', 1 << 20)),
        'escapes' => array_fill(0, 100, str_repeat("\n", 1 << 20)),
        'bytes' => array_fill(0, 500, str_repeat("\xff", 1 << 20)),
        'keys' => array_fill(0, 500, [str_repeat('k', 1 << 20) => 1]),
        'objects' => array_fill(0, 500, $thing),
    };
    $failed = [];
    set_error_handler(function ($level, $message) use (&$failed) { $failed[] = $message; return true; });
    session_write_close();
    preg_match('/^VmHWM:\s*(\d+) kB/m', file_get_contents('/proc/self/status'), $m);
    echo json_encode([count($failed), $failed[0] ?? null, $m[1] >> 10]);
PHP;
foreach (['arrays', 'maps', 'strings', 'escapes', 'bytes', 'keys', 'objects'] as $what) {
    foreach ([['-1', '2M', '2097152 bytes, which is what rustredis.max_value_size allows'], ['40M', '0', 'which is what memory_limit leaves']] as [$memory, $size, $why]) {
        $id = new_id();
        redis()->set(data_key($id), '{"n":1}', 'EX', 100);
        $child = Child::run($code, [$id, $what], ['session.serialize_handler' => 'json', 'memory_limit' => $memory,
            'rustredis.max_value_size' => $size, 'rustredis.json_objects' => 'serialize']);
        $output = $child->output();
        if ($what === 'objects' && $memory !== '-1') {
            // What PHP serializes of them is in PHP's own memory.
            ok("$what, memory_limit: as PHP has it", ran_out_of_memory($output), $output);
        } else {
            [$warnings, $warning, $megabytes] = json_decode(substr($output, (int) strpos($output, '[')), true) ?? [0, $output, 0];
            ok("$what: one warning, with the path", $warnings === 1 && str_contains($warning, '$_SESSION[\'deep\']')
                && str_contains($warning, $why), [$warnings, $warning]);
            // PHP itself has 20 MB, and what it may have of its own; with what it serializes of objects, 500 MB more.
            ok("$what: little memory", $megabytes > 0 && $megabytes < ($what === 'objects' ? 800 : 300), $megabytes);
        }
        same("$what: what is stored", '{"n":1}', redis()->get(data_key($id)));
        ok("$what: the lock is gone", $child->exit_code() === 137 || !is_locked($id));
    }
}
--EXPECT--
ok: arrays: one warning, with the path
ok: arrays: little memory
ok: arrays: what is stored
ok: arrays: the lock is gone
ok: arrays: one warning, with the path
ok: arrays: little memory
ok: arrays: what is stored
ok: arrays: the lock is gone
ok: maps: one warning, with the path
ok: maps: little memory
ok: maps: what is stored
ok: maps: the lock is gone
ok: maps: one warning, with the path
ok: maps: little memory
ok: maps: what is stored
ok: maps: the lock is gone
ok: strings: one warning, with the path
ok: strings: little memory
ok: strings: what is stored
ok: strings: the lock is gone
ok: strings: one warning, with the path
ok: strings: little memory
ok: strings: what is stored
ok: strings: the lock is gone
ok: escapes: one warning, with the path
ok: escapes: little memory
ok: escapes: what is stored
ok: escapes: the lock is gone
ok: escapes: one warning, with the path
ok: escapes: little memory
ok: escapes: what is stored
ok: escapes: the lock is gone
ok: bytes: one warning, with the path
ok: bytes: little memory
ok: bytes: what is stored
ok: bytes: the lock is gone
ok: bytes: one warning, with the path
ok: bytes: little memory
ok: bytes: what is stored
ok: bytes: the lock is gone
ok: keys: one warning, with the path
ok: keys: little memory
ok: keys: what is stored
ok: keys: the lock is gone
ok: keys: one warning, with the path
ok: keys: little memory
ok: keys: what is stored
ok: keys: the lock is gone
ok: objects: one warning, with the path
ok: objects: little memory
ok: objects: what is stored
ok: objects: the lock is gone
ok: objects, memory_limit: as PHP has it
ok: objects: what is stored
ok: objects: the lock is gone
