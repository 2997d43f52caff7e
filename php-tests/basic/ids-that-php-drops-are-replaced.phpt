--TEST--
ids with the characters that PHP itself refuses, and the empty id, are replaced
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

foreach (['space' => 'a b', 'tab' => "a\tb", 'line feed' => "a\nb", 'return' => "a\rb", 'less' => 'a<b', 'greater' => 'a>b',
    'quote' => "a'b", 'double quote' => 'a"b', 'backslash' => 'a\\b', 'empty' => '', 'NUL first' => "\0xy"] as $name => $bad) {
    start($bad);
    same($name, 1, preg_match('/^[0-9a-f]{32}$/D', session_id()));
    session_abort();
}
--EXPECT--
ok: space
ok: tab
ok: line feed
ok: return
ok: less
ok: greater
ok: quote
ok: double quote
ok: backslash
ok: empty
ok: NUL first
