--TEST--
php -S: whatever comes as a cookie, the page is served and nothing is stored under it
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$port = php_server('echo var_export(@session_start(), true), strlen(session_id());', ['session.use_cookies' => 1, 'session.use_strict_mode' => 1]);
foreach (['a_b', '../../x', '%00', 'x%00y', 'a%2Fb', str_repeat('y', 300), '{x}', '%ff', '*'] as $bad) {
    $answer = http_get($port, '/', ['Cookie' => "PHPSESSID=$bad"]);
    same('strict: ' . substr($bad, 0, 9), [200, 'true32'], [$answer->status, $answer->body]);
}
same('an array', 'true32', http_get($port, '/', ['Cookie' => 'PHPSESSID[]=x'])->body);
$port = php_server('echo var_export(@session_start(), true);', ['session.use_cookies' => 1]);
foreach (['a_b', 'x%00y', str_repeat('y', 300)] as $bad) {
    $answer = http_get($port, '/', ['Cookie' => "PHPSESSID=$bad"]);
    same('not strict: ' . substr($bad, 0, 9), [200, 'false'], [$answer->status, $answer->body]);
}
same('nothing is stored', [], array_merge(redis()->keys(PREFIX . '*_b*'), redis()->keys(PREFIX . 'yyyyyyyy*')));
--EXPECT--
ok: strict: a_b
ok: strict: ../../x
ok: strict: %00
ok: strict: x%00y
ok: strict: a%2Fb
ok: strict: yyyyyyyyy
ok: strict: {x}
ok: strict: %ff
ok: strict: *
ok: an array
ok: not strict: a_b
ok: not strict: x%00y
ok: not strict: yyyyyyyyy
ok: nothing is stored
