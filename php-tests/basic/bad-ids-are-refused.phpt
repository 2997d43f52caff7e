--TEST--
ids with other characters or of another length are refused before any I/O
--INI--
session.save_path="tcp://127.0.0.1:1"
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$rule = 'Session ID is too long or contains illegal characters\. Only the A-Z, a-z, 0-9, "-", and "," characters are allowed';
$ids = [
    'underscore' => 'a_b',
    'slash' => 'a/b',
    'dot' => 'a.b',
    'colon' => 'a:b',
    'braces' => '{a}b',
    'percent' => 'a%20b',
    'dots' => '../../etc/passwd',
    'NUL in the middle' => "x\0y",
    'NUL at the end' => "xy\0",
    'NUL in front of a slash' => "x\0/y",
    'UTF-8' => "caf\u{e9}",
    'a control character' => "a\x01b",
    'high byte' => "a\xffb",
    '257 characters' => str_repeat('a', 257),
    '300 characters' => str_repeat('b', 300),
    '1 MB' => str_repeat('c', 1 << 20),
];
foreach ($ids as $name => $id) {
    $got = warnings_of(function () use ($id, &$result) {
        $result = start($id);
    });
    if ($result !== false) {
        echo "session_start() is not false\n";
    }
    check_warnings($name, $got, [['^session_start\(\): ', $rule], READ_FAILED], str_repeat('b', 100));
}
--EXPECT--
ok: underscore
ok: slash
ok: dot
ok: colon
ok: braces
ok: percent
ok: dots
ok: NUL in the middle
ok: NUL at the end
ok: NUL in front of a slash
ok: UTF-8
ok: a control character
ok: high byte
ok: 257 characters
ok: 300 characters
ok: 1 MB
