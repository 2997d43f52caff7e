--TEST--
a write that fails at the end of the script gives one warning of ours and one of PHP, and no crash
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
$child = Child::run('
    start($argv[1]);
    $_SESSION["n"] = 2;
    say("started");
    hear();', [$id]);
$child->line();
redis()->set(lock_key($id), $thief = foreign_token(), 'PX', 60000);
$child->tell('go on');
$output = $child->output();
same('one warning of ours', 1, substr_count($output, 'rustredis: '));
same('one of PHP', 1, preg_match_all('/Failed to write session data (\(rustredis\)|using user defined save handler)/', $output));
ok('without the whole id', !str_contains($output, $id));
same('a normal exit', 0, $child->exit_code());
same('the stored value stays', 'n|i:1;', redis()->get(data_key($id)));
same('the other lock too', $thief, redis()->get(lock_key($id)));
--EXPECT--
ok: one warning of ours
ok: one of PHP
ok: without the whole id
ok: a normal exit
ok: the stored value stays
ok: the other lock too
