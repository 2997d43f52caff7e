--TEST--
strict mode: an id with illegal characters is replaced without asking Redis
--INI--
session.use_strict_mode=1
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$got = warnings_of(function () {
    same('it starts', true, start('a_b'));
});
$id = session_id();
ok('the id is a new one', strlen($id) === 32);
ok('no more than a warning that names the id as the cause', array_filter($got, fn ($text) => !str_contains($text, 'illegal characters')) === [], $got);
same('nothing is left under the bad id', [], redis()->keys(PREFIX . 'a_b*'));
--EXPECT--
ok: it starts
ok: the id is a new one
ok: no more than a warning that names the id as the cause
ok: nothing is left under the bad id
