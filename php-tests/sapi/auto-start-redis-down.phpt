--TEST--
session.auto_start with Redis down: the script runs, with one warning of ours
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$port = free_port();
$answer = (new CgiRequest('echo "the page ", session_status();', ['session.auto_start' => 1, 'session.save_path' => "tcp://127.0.0.1:$port"]))->answer();
same('one warning of ours', 1, substr_count($answer->body, 'rustredis: '));
same('one of PHP', 1, substr_count($answer->body, 'Failed to read session data'));
ok('the page', str_ends_with($answer->body, 'the page ' . PHP_SESSION_NONE), $answer->body);
--EXPECT--
ok: one warning of ours
ok: one of PHP
ok: the page
