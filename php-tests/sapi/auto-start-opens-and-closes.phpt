--TEST--
session.auto_start opens and closes the session around the script
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
$script = '$_SESSION["n"] = ($_SESSION["n"] ?? 0) + 1; echo $_SESSION["n"], session_id();';
$ini = ['session.auto_start' => 1, 'session.use_cookies' => 1];
for ($n = 1; $n <= 3; $n++) {
    $request = new CgiRequest($script, $ini, ['HTTP_COOKIE' => "PHPSESSID=$id"]);
    same("request $n", "$n$id", $request->answer()->body);
}
same('the stored value', 'n|i:3;', redis()->get(data_key($id)));
same('no lock is left', false, is_locked($id));
$port = php_server($script, $ini);
same('php -S', "4$id", http_get($port, '/', ['Cookie' => "PHPSESSID=$id"])->body);
--EXPECT--
ok: request 1
ok: request 2
ok: request 3
ok: the stored value
ok: no lock is left
ok: php -S
