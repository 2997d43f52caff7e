--TEST--
a write that fails at the end of the script, with an error handler that throws: no crash
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
$child = Child::run('
    set_error_handler(function (int $level, string $message) { throw new ErrorException($message); });
    start($argv[1]);
    redis()->set(lock_key($argv[1]), foreign_token(), "PX", 60000);
    $_SESSION["n"] = 2;', [$id]);
$output = $child->output();
ok('the exception is reported', str_contains($output, 'Uncaught ErrorException') && str_contains($output, 'rustredis: '), $output);
same('an ordinary end, no crash', 255, $child->exit_code());
same('the stored value stays', 'n|i:1;', redis()->get(data_key($id)));
same('the lock of the other too', true, is_locked($id));
--EXPECT--
ok: the exception is reported
ok: an ordinary end, no crash
ok: the stored value stays
ok: the lock of the other too
