--TEST--
write_ack=deferred: a script that ends without a word has written, and what it was refused is in the error log
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$deferred = ['rustredis.write_ack' => 'deferred'];
for ($i = 0, $lost = 0; $i < 10; $i++) {
    $id = new_id();
    $output = Child::plain('session_id($argv[1]); session_start(); $_SESSION["n"] = 1;', [$id], $deferred)->output();
    $lost += redis()->get(data_key($id)) === 'n|i:1;' && $output === '' && !is_locked($id) ? 0 : 1;
}
same('lost', 0, $lost);

$id = new_id();
$log = temp_file('');
$ini = $deferred + ['error_log' => $log]; // by default it is stderr, which PHP 8.1 closes before
$child = Child::run('start($argv[1]); $_SESSION["n"] = 1; say("started"); hear();', [$id], $ini);
same('the child', 'started', $child->line());
redis()->del(lock_key($id));
$child->tell('end');
$output = $child->output() . file_get_contents($log);
ok('the log has it', preg_match('/PHP Warning:  rustredis: session ' . substr($id, 0, 6) . '\.\.\. at .* lost its lock/', $output) === 1, $output);
ok('without the id', !str_contains($output, $id));
--EXPECT--
ok: lost
ok: the child
ok: the log has it
ok: without the id
