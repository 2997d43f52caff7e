--TEST--
session.use_trans_sid: the id travels in the links
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$script = 'session_start(); $_SESSION["n"] = ($_SESSION["n"] ?? 0) + 1; echo $_SESSION["n"], " <a href=\"/next.php?x=1\">next</a>";';
$port = php_server($script, ['session.use_trans_sid' => 1, 'session.use_only_cookies' => 0, 'session.use_cookies' => 0]);
$answer = http_get($port, '/');
ok('the link has an id', preg_match('~^1 <a href="(/next\.php\?x=1&(?:amp;)?PHPSESSID=([0-9a-f]{32}))">~', $answer->body, $m) === 1, $answer->body);
same('no cookie', [], $answer->headers('Set-Cookie'));
$next = http_get($port, html_entity_decode($m[1]));
same('it brings the session back', '2 <a', substr($next->body, 0, 4));
same('the stored value', 'n|i:2;', redis()->get(data_key($m[2])));
--EXPECT--
ok: the link has an id
ok: no cookie
ok: it brings the session back
ok: the stored value
