--TEST--
upload progress without cleanup stays in the session
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
[$body, $type] = upload_body('photo', 200000);
$request = new CgiRequest('
    session_start();
    $progress = $_SESSION["upload_progress_photo"];
    echo json_encode([$progress["done"], $progress["bytes_processed"], count($progress["files"])]);
', ['session.use_cookies' => 1, 'session.upload_progress.enabled' => 1, 'session.upload_progress.freq' => 1, 'session.upload_progress.min_freq' => 0, 'session.upload_progress.cleanup' => 0],
    ['HTTP_COOKIE' => "PHPSESSID=$id"], strlen($body), $type);
$request->send($body);
same('done', json_encode([true, strlen($body), 1]), $request->answer()->body);
ok('stored', str_contains((string) redis()->get(data_key($id)), 'upload_progress_photo'));
--EXPECT--
ok: done
ok: stored
