--TEST--
php-cgi: one request a process
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$script = 'session_start(); $_SESSION["n"] = ($_SESSION["n"] ?? 0) + 1; echo $_SESSION["n"];';
$ini = ['session.use_cookies' => 1];
$first = (new CgiRequest($script, $ini))->answer();
$id = $first->cookie();
same('the first', '1', $first->body);
same('the second', '2', (new CgiRequest($script, $ini, ['HTTP_COOKIE' => "PHPSESSID=$id"]))->answer()->body);
same('the stored value', 'n|i:2;', redis()->get(data_key((string) $id)));
--EXPECT--
ok: the first
ok: the second
ok: the stored value
