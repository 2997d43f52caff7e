--TEST--
many progress updates in one request go over one connection, in php -S request after request
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 0]);
$port = php_server('
    session_start();
    $_SESSION["n"]++;
    $status = rustredis_status();
    echo json_encode([$_SESSION["n"], filesize($_FILES["file"]["tmp_name"]), $status["starts"] > 1, $status["reconnects"]]);
', ['session.use_cookies' => 1, 'session.use_strict_mode' => 1, 'session.upload_progress.enabled' => 1, 'session.upload_progress.freq' => 1, 'session.upload_progress.min_freq' => 0]);
for ($n = 1; $n <= 3; $n++) {
    [$body, $type] = upload_body('photo', 1 << 20);
    $answer = (new HttpRequest($port, '/', ['Cookie' => "PHPSESSID=$id", 'Content-Type' => $type], 'POST', $body))->answer();
    same("upload $n", "[$n,1048576,true,0]", $answer->body);
}
same('the stored value', 'n|i:3;', redis()->get(data_key($id)));
same('no lock is left', false, is_locked($id));
--EXPECT--
ok: upload 1
ok: upload 2
ok: upload 3
ok: the stored value
ok: no lock is left
