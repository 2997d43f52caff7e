--TEST--
a second extension= line for the module is a warning of PHP, not a crash
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$module = null;
foreach (file(getenv('RUSTREDIS_PHP_INI'), FILE_IGNORE_NEW_LINES) as $line) {
    if (preg_match('~^extension=(/.*)$~', $line, $m)) {
        $module = $m[1];
    }
}
$id = new_id();
$child = Child::plain('session_id($argv[1]); session_start(); $_SESSION["n"] = 1; session_write_close(); echo "fine";', [$id], ['extension' => $module]);
$output = $child->output();
ok('PHP warns', str_contains($output, 'already loaded'), $output);
ok('and goes on', str_ends_with($output, 'fine'), $output);
same('the session is stored', 'n|i:1;', redis()->get(data_key($id)));
--EXPECT--
ok: PHP warns
ok: and goes on
ok: the session is stored
