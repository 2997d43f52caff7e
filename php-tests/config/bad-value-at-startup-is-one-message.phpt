--TEST--
a bad value in php.ini or on the command line: one message at startup, the default is used, PHP goes on
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

foreach (['rustredis.lock_wait' => 'soon', 'rustredis.lock_failure' => 'ignore', 'rustredis.read_timeout' => '0'] as $name => $value) {
    $child = Child::plain('echo "up ", ini_get($argv[1]), "\n";', [$name], [$name => $value]);
    $output = $child->output();
    $default = ['rustredis.lock_wait' => '10', 'rustredis.lock_failure' => 'fail', 'rustredis.read_timeout' => '5'][$name];
    ok("$name: PHP goes on with the default", str_contains($output, "up $default") && $child->exit_code() === 0, $output);
    ok("$name: the message names setting and value", substr_count($output, 'rustredis: ') === 1 && str_contains($output, $name) && str_contains($output, $value), $output);
}
--EXPECT--
ok: rustredis.lock_wait: PHP goes on with the default
ok: rustredis.lock_wait: the message names setting and value
ok: rustredis.lock_failure: PHP goes on with the default
ok: rustredis.lock_failure: the message names setting and value
ok: rustredis.read_timeout: PHP goes on with the default
ok: rustredis.read_timeout: the message names setting and value
